#map = affine_map<(d0, d1) -> (d0, d1)>
#map1 = affine_map<(d0, d1) -> (d0)>
#map2 = affine_map<(d0, d1) -> (d0, 0)>
#map3 = affine_map<(d0, d1) -> (d1)>
#map4 = affine_map<(d0) -> (d0)>
module {
  func.func public @main(%arg0: tensor<?x?xf32>, %arg1: !hal.buffer_view {iree.abi.output = 0 : index}) -> tensor<?xf32> {
    %0 = util.call @main_1(%arg0) : (tensor<?x?xf32>) -> tensor<?xf32>
    return %0 : tensor<?xf32>
  }
  util.func private @main_1(%arg0: tensor<?x?xf32>) -> tensor<?xf32> {
    %c0_i64 = arith.constant 0 : i64
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %cst = arith.constant 0xFF800000 : f32
    %cst_0 = arith.constant 0.000000e+00 : f64
    %dim = tensor.dim %arg0, %c1 : tensor<?x?xf32>
    %dim_1 = tensor.dim %arg0, %c0 : tensor<?x?xf32>
    %0 = flow.tensor.tie_shape %arg0 : tensor<?x?xf32>{%dim_1, %dim}
    %dim_2 = tensor.dim %0, %c0 : tensor<?x?xf32>
    %1 = tensor.empty(%dim_2) : tensor<?xi64>
    %2 = linalg.fill ins(%c0_i64 : i64) outs(%1 : tensor<?xi64>) -> tensor<?xi64>
    %3 = tensor.empty(%dim_2) : tensor<?xf32>
    %4 = linalg.fill ins(%cst : f32) outs(%3 : tensor<?xf32>) -> tensor<?xf32>
    %5:2 = linalg.generic {indexing_maps = [#map, #map1, #map1], iterator_types = ["parallel", "reduction"]} ins(%0 : tensor<?x?xf32>) outs(%4, %2 : tensor<?xf32>, tensor<?xi64>) {
    ^bb0(%in: f32, %out: f32, %out_4: i64):
      %23 = linalg.index 1 : index
      %24 = arith.index_cast %23 : index to i64
      %25 = arith.maximumf %in, %out : f32
      %26 = arith.cmpf ogt, %in, %out : f32
      %27 = arith.select %26, %24, %out_4 : i64
      linalg.yield %25, %27 : f32, i64
    } -> (tensor<?xf32>, tensor<?xi64>)
    %expanded = tensor.expand_shape %5#0 [[0, 1]] output_shape [%dim_2, 1] : tensor<?xf32> into tensor<?x1xf32>
    %dim_3 = tensor.dim %0, %c1 : tensor<?x?xf32>
    %6 = tensor.empty(%dim_2, %dim_3) : tensor<?x?xf32>
    %7 = linalg.generic {indexing_maps = [#map, #map2, #map], iterator_types = ["parallel", "parallel"]} ins(%0, %expanded : tensor<?x?xf32>, tensor<?x1xf32>) outs(%6 : tensor<?x?xf32>) {
    ^bb0(%in: f32, %in_4: f32, %out: f32):
      %23 = arith.subf %in, %in_4 : f32
      linalg.yield %23 : f32
    } -> tensor<?x?xf32>
    %8 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%7 : tensor<?x?xf32>) outs(%6 : tensor<?x?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %23 = math.exp %in : f32
      linalg.yield %23 : f32
    } -> tensor<?x?xf32>
    %9 = tensor.empty(%dim_2, %dim_3) : tensor<?x?xf64>
    %10 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%8 : tensor<?x?xf32>) outs(%9 : tensor<?x?xf64>) {
    ^bb0(%in: f32, %out: f64):
      %23 = arith.extf %in : f32 to f64
      linalg.yield %23 : f64
    } -> tensor<?x?xf64>
    %11 = tensor.empty(%dim_2) : tensor<?x1xf64>
    %12 = linalg.fill ins(%cst_0 : f64) outs(%11 : tensor<?x1xf64>) -> tensor<?x1xf64>
    %13 = linalg.generic {indexing_maps = [#map, #map2], iterator_types = ["parallel", "reduction"]} ins(%10 : tensor<?x?xf64>) outs(%12 : tensor<?x1xf64>) {
    ^bb0(%in: f64, %out: f64):
      %23 = arith.addf %in, %out : f64
      linalg.yield %23 : f64
    } -> tensor<?x1xf64>
    %14 = tensor.empty(%dim_2) : tensor<?x1xf32>
    %15 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%13 : tensor<?x1xf64>) outs(%14 : tensor<?x1xf32>) {
    ^bb0(%in: f64, %out: f32):
      %23 = arith.truncf %in : f64 to f32
      linalg.yield %23 : f32
    } -> tensor<?x1xf32>
    %16 = linalg.generic {indexing_maps = [#map, #map2, #map], iterator_types = ["parallel", "parallel"]} ins(%8, %15 : tensor<?x?xf32>, tensor<?x1xf32>) outs(%6 : tensor<?x?xf32>) {
    ^bb0(%in: f32, %in_4: f32, %out: f32):
      %23 = arith.divf %in, %in_4 : f32
      linalg.yield %23 : f32
    } -> tensor<?x?xf32>
    %17 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%16 : tensor<?x?xf32>) outs(%9 : tensor<?x?xf64>) {
    ^bb0(%in: f32, %out: f64):
      %23 = arith.extf %in : f32 to f64
      linalg.yield %23 : f64
    } -> tensor<?x?xf64>
    %18 = tensor.empty(%dim_3) : tensor<?xf64>
    %19 = linalg.fill ins(%cst_0 : f64) outs(%18 : tensor<?xf64>) -> tensor<?xf64>
    %20 = linalg.generic {indexing_maps = [#map, #map3], iterator_types = ["reduction", "parallel"]} ins(%17 : tensor<?x?xf64>) outs(%19 : tensor<?xf64>) {
    ^bb0(%in: f64, %out: f64):
      %23 = arith.addf %in, %out : f64
      linalg.yield %23 : f64
    } -> tensor<?xf64>
    %21 = tensor.empty(%dim_3) : tensor<?xf32>
    %22 = linalg.generic {indexing_maps = [#map4, #map4], iterator_types = ["parallel"]} ins(%20 : tensor<?xf64>) outs(%21 : tensor<?xf32>) {
    ^bb0(%in: f64, %out: f32):
      %23 = arith.truncf %in : f64 to f32
      linalg.yield %23 : f32
    } -> tensor<?xf32>
    util.return %22 : tensor<?xf32>
  }
}
