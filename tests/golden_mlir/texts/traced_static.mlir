#map = affine_map<(d0, d1) -> (d0, d1)>
#map1 = affine_map<(d0, d1) -> ()>
module {
  func.func public @main(%arg0: tensor<5x8xf32>, %arg1: !hal.buffer_view {iree.abi.output = 0 : index}) -> tensor<5x8xf32> {
    %0 = util.call @main_1(%arg0) : (tensor<5x8xf32>) -> tensor<5x8xf32>
    return %0 : tensor<5x8xf32>
  }
  util.func private @main_1(%arg0: tensor<5x8xf32>) -> tensor<5x8xf32> {
    %cst = arith.constant dense<2.000000e+00> : tensor<f64>
    %cst_0 = arith.constant dense<1.000000e+00> : tensor<f64>
    %cst_1 = arith.constant dense<-9.2095941701493478E-11> : tensor<f64>
    %cst_2 = arith.constant dense<3.000000e+01> : tensor<f64>
    %cst_3 = arith.constant dense<5.9571761477489113E-11> : tensor<f64>
    %cst_4 = arith.constant 0.000000e+00 : f64
    %cst_5 = arith.constant 1.000000e+00 : f64
    %cst_6 = arith.constant 2.000000e+00 : f64
    %cst_7 = arith.constant 1.2530080582697296 : f64
    %cst_8 = arith.constant -0.1356211061245812 : f64
    %cst_9 = arith.constant -0.047562294353451211 : f64
    %cst_10 = arith.constant 0.12964515870276272 : f64
    %cst_11 = arith.constant -0.11927366341527194 : f64
    %cst_12 = arith.constant 0.068308027343919067 : f64
    %cst_13 = arith.constant -0.023770514919733001 : f64
    %cst_14 = arith.constant 0.0025293918168071954 : f64
    %cst_15 = arith.constant 0.0018886903749434011 : f64
    %cst_16 = arith.constant -7.7983227692995558E-4 : f64
    %cst_17 = arith.constant -1.0515992928804105E-4 : f64
    %cst_18 = arith.constant 1.250993703772768E-4 : f64
    %cst_19 = arith.constant 4.950147217832596E-6 : f64
    %cst_20 = arith.constant -2.0100613011763601E-5 : f64
    %cst_21 = arith.constant -7.3374320541402831E-7 : f64
    %cst_22 = arith.constant 3.472530205379918E-6 : f64
    %cst_23 = arith.constant 3.61934843372962E-7 : f64
    %cst_24 = arith.constant -6.1702276310810572E-7 : f64
    %cst_25 = arith.constant -1.4948967107536695E-7 : f64
    %cst_26 = arith.constant 1.0283695258833681E-7 : f64
    %cst_27 = arith.constant 4.9851020637077495E-8 : f64
    %cst_28 = arith.constant -1.4858479893502151E-8 : f64
    %cst_29 = arith.constant -1.3479539317137913E-8 : f64
    %cst_30 = arith.constant 2.2995004119804537E-9 : f64
    %cst_31 = arith.constant 2.4030359050747253E-9 : f64
    %cst_32 = arith.constant -4.6778098827384227E-10 : f64
    %cst_33 = arith.constant 3.000000e+00 : f64
    %cst_34 = arith.constant 0x4130000000000000 : f64
    %cst_35 = arith.constant 3.000000e+01 : f64
    %cst_36 = arith.constant 1.1283791670955126 : f64
    %cst_37 = arith.constant -0.37612638903183748 : f64
    %cst_38 = arith.constant 0.11283791670954879 : f64
    %cst_39 = arith.constant -0.026866170645076792 : f64
    %cst_40 = arith.constant 0.0052239776248180145 : f64
    %cst_41 = arith.constant -8.54832698083379E-4 : f64
    %cst_42 = arith.constant 1.205533111164271E-4 : f64
    %cst_43 = arith.constant -1.4925595266831182E-5 : f64
    %cst_44 = arith.constant 1.6461000484121368E-6 : f64
    %cst_45 = arith.constant -1.6350312701054695E-7 : f64
    %cst_46 = arith.constant 1.4659775274047436E-8 : f64
    %cst_47 = arith.constant -1.1372848856791674E-9 : f64
    %cst_48 = arith.constant -0.70710678118654757 : f64
    %cst_49 = arith.constant 5.000000e-01 : f64
    %0 = tensor.empty() : tensor<5x8xf64>
    %1 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%arg0 : tensor<5x8xf32>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f32, %out: f64):
      %114 = arith.extf %in : f32 to f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %2 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%1 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.mulf %in, %cst_49 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %3 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%1 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.mulf %in, %cst_48 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %4 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%3 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = math.absf %in : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %5 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%4, %4 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %6 = linalg.generic {indexing_maps = [#map1, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%cst_3, %5 : tensor<f64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %7 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%6 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_47 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %8 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%7, %5 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %9 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%8 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_46 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %10 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%9, %5 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %11 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%10 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_45 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %12 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%11, %5 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %13 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%12 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_44 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %14 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%13, %5 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %15 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%14 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_43 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %16 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%15, %5 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %17 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%16 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_42 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %18 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%17, %5 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %19 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%18 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_41 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %20 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%19, %5 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %21 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%20 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_40 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %22 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%21, %5 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %23 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%22 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_39 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %24 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%23, %5 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %25 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%24 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_38 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %26 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%25, %5 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %27 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%26 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_37 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %28 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%27, %5 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %29 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%28 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_36 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %30 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%4, %29 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %31 = linalg.generic {indexing_maps = [#map1, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%cst_0, %30 : tensor<f64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.subf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %32 = tensor.empty() : tensor<5x8xi1>
    %33 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%4 : tensor<5x8xf64>) outs(%32 : tensor<5x8xi1>) {
    ^bb0(%in: f64, %out: i1):
      %114 = arith.cmpf olt, %in, %cst_49 : f64
      linalg.yield %114 : i1
    } -> tensor<5x8xi1>
    %34 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%4 : tensor<5x8xf64>) outs(%32 : tensor<5x8xi1>) {
    ^bb0(%in: f64, %out: i1):
      %114 = arith.cmpf ogt, %in, %cst_35 : f64
      linalg.yield %114 : i1
    } -> tensor<5x8xi1>
    %35 = linalg.generic {indexing_maps = [#map, #map1, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%34, %cst_2, %4 : tensor<5x8xi1>, tensor<f64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: i1, %in_50: f64, %in_51: f64, %out: f64):
      %114 = arith.select %in, %in_50, %in_51 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %36 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%35 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.mulf %in, %cst_34 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %37 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%36 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = math.roundeven %in : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %38 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%37 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.divf %in, %cst_34 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %39 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%38 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.negf %in : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %40 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%39, %38 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %41 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%40 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = math.exp %in : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %42 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%35, %38 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.subf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %43 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%42 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.negf %in : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %44 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%35, %38 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.addf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %45 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%43, %44 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %46 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%45 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = math.exp %in : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %47 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%41, %46 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %48 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%35 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.subf %in, %cst_33 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %49 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%35 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_33 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %50 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%48, %49 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.divf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %51 = linalg.generic {indexing_maps = [#map1, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%cst_1, %50 : tensor<f64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %52 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%51 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_32 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %53 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%52, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %54 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%53 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_31 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %55 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%54, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %56 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%55 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_30 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %57 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%56, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %58 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%57 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_29 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %59 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%58, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %60 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%59 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_28 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %61 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%60, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %62 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%61 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_27 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %63 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%62, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %64 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%63 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_26 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %65 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%64, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %66 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%65 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_25 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %67 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%66, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %68 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%67 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_24 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %69 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%68, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %70 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%69 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_23 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %71 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%70, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %72 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%71 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_22 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %73 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%72, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %74 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%73 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_21 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %75 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%74, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %76 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%75 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_20 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %77 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%76, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %78 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%77 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_19 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %79 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%78, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %80 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%79 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_18 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %81 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%80, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %82 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%81 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_17 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %83 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%82, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %84 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%83 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_16 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %85 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%84, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %86 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%85 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_15 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %87 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%86, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %88 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%87 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_14 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %89 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%88, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %90 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%89 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_13 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %91 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%90, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %92 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%91 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_12 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %93 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%92, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %94 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%93 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_11 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %95 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%94, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %96 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%95 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_10 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %97 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%96, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %98 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%97 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_9 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %99 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%98, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %100 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%99 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_8 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %101 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%100, %50 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %102 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%101 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_7 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %103 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%47, %102 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %104 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%35 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.mulf %in, %cst_6 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %105 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%104 : tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %out: f64):
      %114 = arith.addf %in, %cst_5 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %106 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%103, %105 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.divf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %107 = linalg.generic {indexing_maps = [#map, #map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%33, %31, %106 : tensor<5x8xi1>, tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: i1, %in_50: f64, %in_51: f64, %out: f64):
      %114 = arith.select %in, %in_50, %in_51 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %108 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%3 : tensor<5x8xf64>) outs(%32 : tensor<5x8xi1>) {
    ^bb0(%in: f64, %out: i1):
      %114 = arith.cmpf olt, %in, %cst_4 : f64
      linalg.yield %114 : i1
    } -> tensor<5x8xi1>
    %109 = linalg.generic {indexing_maps = [#map1, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%cst, %107 : tensor<f64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.subf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %110 = linalg.generic {indexing_maps = [#map, #map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%108, %109, %107 : tensor<5x8xi1>, tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: i1, %in_50: f64, %in_51: f64, %out: f64):
      %114 = arith.select %in, %in_50, %in_51 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %111 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%2, %110 : tensor<5x8xf64>, tensor<5x8xf64>) outs(%0 : tensor<5x8xf64>) {
    ^bb0(%in: f64, %in_50: f64, %out: f64):
      %114 = arith.mulf %in, %in_50 : f64
      linalg.yield %114 : f64
    } -> tensor<5x8xf64>
    %112 = tensor.empty() : tensor<5x8xf32>
    %113 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%111 : tensor<5x8xf64>) outs(%112 : tensor<5x8xf32>) {
    ^bb0(%in: f64, %out: f32):
      %114 = arith.truncf %in : f64 to f32
      linalg.yield %114 : f32
    } -> tensor<5x8xf32>
    util.return %113 : tensor<5x8xf32>
  }
}
