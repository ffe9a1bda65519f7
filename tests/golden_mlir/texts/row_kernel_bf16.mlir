#pipeline_layout = #hal.pipeline.layout<constants = 1, bindings = [#hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer>, #hal.pipeline.binding<storage_buffer>]>
module {
  func.func public @main(%arg0: tensor<?x8xbf16>, %arg1: tensor<8xf32>, %arg2: !hal.buffer_view {iree.abi.output = 0 : index}, %arg3: !hal.buffer_view {iree.abi.output = 1 : index}) -> (tensor<?x4xbf16>, tensor<?xf32>) {
    %0:2 = util.call @rows_c63fdb40820f27ab(%arg0, %arg1) : (tensor<?x8xbf16>, tensor<8xf32>) -> (tensor<?x4xbf16>, tensor<?x1xf32>)
    %collapsed = tensor.collapse_shape %0#1 [[0, 1]] : tensor<?x1xf32> into tensor<?xf32>
    return %0#0, %collapsed : tensor<?x4xbf16>, tensor<?xf32>
  }
  hal.executable.source private @rows_c63fdb40820f27ab_rows {
    hal.executable.export public @rows_c63fdb40820f27ab ordinal(0) layout(#pipeline_layout) count(%arg0: !hal.device, %arg1: index) -> (index, index, index) {
      %c1 = arith.constant 1 : index
      %c16 = arith.constant 16 : index
      %0 = arith.ceildivui %arg1, %c16 : index
      hal.return %0, %c1, %c1 : index, index, index
    } attributes {ir_runtime.read = 2 : i64, ir_runtime.written_over = array<i64>}
    builtin.module {
      func.func private @row_erf(%arg0: vector<32xf32>) -> vector<32xf32> {
        %cst = arith.constant dense<7.87114259E-5> : vector<32xf32>
        %cst_0 = arith.constant dense<-8.02694703E-4> : vector<32xf32>
        %cst_1 = arith.constant dense<0.00519096665> : vector<32xf32>
        %cst_2 = arith.constant dense<-0.0268553682> : vector<32xf32>
        %cst_3 = arith.constant dense<0.112836227> : vector<32xf32>
        %cst_4 = arith.constant dense<-0.376126289> : vector<32xf32>
        %cst_5 = arith.constant dense<0.128379166> : vector<32xf32>
        %cst_6 = arith.constant dense<4.000000e+00> : vector<32xf32>
        %cst_7 = arith.constant dense<1.000000e+00> : vector<32xf32>
        %cst_8 = arith.constant dense<2.95196485E-4> : vector<32xf32>
        %cst_9 = arith.constant dense<-0.00273917476> : vector<32xf32>
        %cst_10 = arith.constant dense<0.0144086769> : vector<32xf32>
        %cst_11 = arith.constant dense<-0.0599509291> : vector<32xf32>
        %cst_12 = arith.constant dense<-1.21634519> : vector<32xf32>
        %cst_13 = arith.constant dense<-3.80722547> : vector<32xf32>
        %cst_14 = arith.constant dense<-2.66845703> : vector<32xf32>
        %cst_15 = arith.constant dense<0x4B40007F> : vector<32xf32>
        %cst_16 = arith.constant dense<4.03344675E-5> : vector<32xf32>
        %cst_17 = arith.constant dense<23> : vector<32xi32>
        %cst_18 = arith.constant dense<1.54628826E-4> : vector<32xf32>
        %cst_19 = arith.constant dense<0.00133909844> : vector<32xf32>
        %cst_20 = arith.constant dense<0.00961806252> : vector<32xf32>
        %cst_21 = arith.constant dense<0.0555035956> : vector<32xf32>
        %cst_22 = arith.constant dense<0.240226507> : vector<32xf32>
        %cst_23 = arith.constant dense<0.693147182> : vector<32xf32>
        %cst_24 = arith.constant dense<8.750000e-01> : vector<32xf32>
        %0 = math.absf %arg0 : vector<32xf32>
        %1 = arith.mulf %0, %0 : vector<32xf32>
        %2 = math.fma %cst, %1, %cst_0 : vector<32xf32>
        %3 = math.fma %2, %1, %cst_1 : vector<32xf32>
        %4 = math.fma %3, %1, %cst_2 : vector<32xf32>
        %5 = math.fma %4, %1, %cst_3 : vector<32xf32>
        %6 = math.fma %5, %1, %cst_4 : vector<32xf32>
        %7 = math.fma %6, %1, %cst_5 : vector<32xf32>
        %8 = math.fma %0, %7, %0 : vector<32xf32>
        %9 = arith.cmpf ogt, %0, %cst_6 : vector<32xf32>
        %10 = arith.select %9, %cst_6, %0 : vector<32xi1>, vector<32xf32>
        %11 = arith.subf %10, %cst_7 : vector<32xf32>
        %12 = math.fma %cst_8, %11, %cst_9 : vector<32xf32>
        %13 = math.fma %12, %11, %cst_10 : vector<32xf32>
        %14 = math.fma %13, %11, %cst_11 : vector<32xf32>
        %15 = math.fma %14, %11, %cst_12 : vector<32xf32>
        %16 = math.fma %15, %11, %cst_13 : vector<32xf32>
        %17 = math.fma %11, %16, %cst_14 : vector<32xf32>
        %18 = arith.addf %17, %cst_15 : vector<32xf32>
        %19 = arith.subf %18, %cst_15 : vector<32xf32>
        %20 = arith.subf %cst_14, %19 : vector<32xf32>
        %21 = math.fma %11, %16, %20 : vector<32xf32>
        %22 = arith.addf %21, %cst_16 : vector<32xf32>
        %23 = arith.bitcast %18 : vector<32xf32> to vector<32xi32>
        %24 = arith.shli %23, %cst_17 : vector<32xi32>
        %25 = arith.bitcast %24 : vector<32xi32> to vector<32xf32>
        %26 = arith.negf %25 : vector<32xf32>
        %27 = math.fma %cst_18, %22, %cst_19 : vector<32xf32>
        %28 = math.fma %27, %22, %cst_20 : vector<32xf32>
        %29 = math.fma %28, %22, %cst_21 : vector<32xf32>
        %30 = math.fma %29, %22, %cst_22 : vector<32xf32>
        %31 = math.fma %30, %22, %cst_23 : vector<32xf32>
        %32 = arith.mulf %22, %31 : vector<32xf32>
        %33 = arith.subf %cst_7, %25 : vector<32xf32>
        %34 = math.fma %26, %32, %33 : vector<32xf32>
        %35 = arith.cmpf olt, %0, %cst_24 : vector<32xf32>
        %36 = arith.select %35, %8, %34 : vector<32xi1>, vector<32xf32>
        %37 = math.copysign %36, %arg0 : vector<32xf32>
        return %37 : vector<32xf32>
      }
      func.func private @row_exp(%arg0: vector<32xf32>) -> vector<32xf32> {
        %cst = arith.constant dense<1.44269502> : vector<32xf32>
        %cst_0 = arith.constant dense<0x4B40007F> : vector<32xf32>
        %cst_1 = arith.constant dense<-0.693147182> : vector<32xf32>
        %cst_2 = arith.constant dense<1.90465421E-9> : vector<32xf32>
        %cst_3 = arith.constant dense<1.000000e+00> : vector<32xf32>
        %cst_4 = arith.constant dense<0.001378263> : vector<32xf32>
        %cst_5 = arith.constant dense<0.00837339088> : vector<32xf32>
        %cst_6 = arith.constant dense<0.0416695103> : vector<32xf32>
        %cst_7 = arith.constant dense<0.16666469> : vector<32xf32>
        %cst_8 = arith.constant dense<0.499999851> : vector<32xf32>
        %cst_9 = arith.constant dense<23> : vector<32xi32>
        %cst_10 = arith.constant dense<1262485506> : vector<32xi32>
        %cst_11 = arith.constant dense<251> : vector<32xi32>
        %cst_12 = arith.constant dense<-1.040000e+02> : vector<32xf32>
        %cst_13 = arith.constant dense<8.900000e+01> : vector<32xf32>
        %cst_14 = arith.constant dense<0.000000e+00> : vector<32xf32>
        %cst_15 = arith.constant dense<0x4B4000BF> : vector<32xf32>
        %cst_16 = arith.constant dense<0x4B40007E> : vector<32xf32>
        %cst_17 = arith.constant dense<5.42101086E-20> : vector<32xf32>
        %cst_18 = arith.constant dense<2.000000e+00> : vector<32xf32>
        %0 = math.fma %arg0, %cst, %cst_0 : vector<32xf32>
        %1 = arith.subf %0, %cst_0 : vector<32xf32>
        %2 = math.fma %1, %cst_1, %arg0 : vector<32xf32>
        %3 = math.fma %1, %cst_2, %2 : vector<32xf32>
        %4 = arith.addf %3, %cst_3 : vector<32xf32>
        %5 = arith.subf %4, %cst_3 : vector<32xf32>
        %6 = arith.subf %3, %5 : vector<32xf32>
        %7 = arith.mulf %3, %3 : vector<32xf32>
        %8 = math.fma %cst_4, %3, %cst_5 : vector<32xf32>
        %9 = math.fma %8, %3, %cst_6 : vector<32xf32>
        %10 = math.fma %9, %3, %cst_7 : vector<32xf32>
        %11 = math.fma %10, %3, %cst_8 : vector<32xf32>
        %12 = math.fma %7, %11, %6 : vector<32xf32>
        %13 = arith.addf %4, %12 : vector<32xf32>
        %14 = arith.bitcast %0 : vector<32xf32> to vector<32xi32>
        %15 = arith.shli %14, %cst_9 : vector<32xi32>
        %16 = arith.bitcast %15 : vector<32xi32> to vector<32xf32>
        %17 = arith.mulf %13, %16 : vector<32xf32>
        %18 = arith.bitcast %0 : vector<32xf32> to vector<32xi32>
        %19 = arith.subi %18, %cst_10 : vector<32xi32>
        %20 = arith.cmpi ugt, %19, %cst_11 : vector<32xi32>
        %21 = vector.reduction <or>, %20 : vector<32xi1> into i1
        %22 = scf.if %21 -> (vector<32xf32>) {
          %23 = arith.cmpf olt, %arg0, %cst_12 : vector<32xf32>
          %24 = arith.select %23, %cst_12, %arg0 : vector<32xi1>, vector<32xf32>
          %25 = arith.cmpf ogt, %24, %cst_13 : vector<32xf32>
          %26 = arith.select %25, %cst_13, %24 : vector<32xi1>, vector<32xf32>
          %27 = arith.cmpf olt, %26, %cst_14 : vector<32xf32>
          %28 = arith.select %27, %cst_15, %cst_16 : vector<32xi1>, vector<32xf32>
          %29 = math.fma %26, %cst, %28 : vector<32xf32>
          %30 = arith.subf %29, %28 : vector<32xf32>
          %31 = math.fma %30, %cst_1, %26 : vector<32xf32>
          %32 = math.fma %30, %cst_2, %31 : vector<32xf32>
          %33 = arith.addf %32, %cst_3 : vector<32xf32>
          %34 = arith.subf %33, %cst_3 : vector<32xf32>
          %35 = arith.subf %32, %34 : vector<32xf32>
          %36 = arith.mulf %32, %32 : vector<32xf32>
          %37 = math.fma %cst_4, %32, %cst_5 : vector<32xf32>
          %38 = math.fma %37, %32, %cst_6 : vector<32xf32>
          %39 = math.fma %38, %32, %cst_7 : vector<32xf32>
          %40 = math.fma %39, %32, %cst_8 : vector<32xf32>
          %41 = math.fma %36, %40, %35 : vector<32xf32>
          %42 = arith.addf %33, %41 : vector<32xf32>
          %43 = arith.bitcast %29 : vector<32xf32> to vector<32xi32>
          %44 = arith.shli %43, %cst_9 : vector<32xi32>
          %45 = arith.bitcast %44 : vector<32xi32> to vector<32xf32>
          %46 = arith.mulf %42, %45 : vector<32xf32>
          %47 = arith.select %27, %cst_17, %cst_18 : vector<32xi1>, vector<32xf32>
          %48 = arith.mulf %46, %47 : vector<32xf32>
          scf.yield %48 : vector<32xf32>
        } else {
          scf.yield %17 : vector<32xf32>
        }
        return %22 : vector<32xf32>
      }
      func.func private @row_exp_down(%arg0: vector<32xf32>) -> vector<32xf32> {
        %cst = arith.constant dense<-1.040000e+02> : vector<32xf32>
        %cst_0 = arith.constant dense<1.44269502> : vector<32xf32>
        %cst_1 = arith.constant dense<0x4B4000BF> : vector<32xf32>
        %cst_2 = arith.constant dense<-0.693147182> : vector<32xf32>
        %cst_3 = arith.constant dense<1.90465421E-9> : vector<32xf32>
        %cst_4 = arith.constant dense<0.001378263> : vector<32xf32>
        %cst_5 = arith.constant dense<0.00837339088> : vector<32xf32>
        %cst_6 = arith.constant dense<0.0416695103> : vector<32xf32>
        %cst_7 = arith.constant dense<0.16666469> : vector<32xf32>
        %cst_8 = arith.constant dense<0.499999851> : vector<32xf32>
        %cst_9 = arith.constant dense<1.000000e+00> : vector<32xf32>
        %cst_10 = arith.constant dense<23> : vector<32xi32>
        %cst_11 = arith.constant dense<5.42101086E-20> : vector<32xf32>
        %0 = arith.cmpf olt, %arg0, %cst : vector<32xf32>
        %1 = arith.select %0, %cst, %arg0 : vector<32xi1>, vector<32xf32>
        %2 = math.fma %1, %cst_0, %cst_1 : vector<32xf32>
        %3 = arith.subf %2, %cst_1 : vector<32xf32>
        %4 = math.fma %3, %cst_2, %1 : vector<32xf32>
        %5 = math.fma %3, %cst_3, %4 : vector<32xf32>
        %6 = math.fma %cst_4, %5, %cst_5 : vector<32xf32>
        %7 = math.fma %6, %5, %cst_6 : vector<32xf32>
        %8 = math.fma %7, %5, %cst_7 : vector<32xf32>
        %9 = math.fma %8, %5, %cst_8 : vector<32xf32>
        %10 = math.fma %9, %5, %cst_9 : vector<32xf32>
        %11 = math.fma %10, %5, %cst_9 : vector<32xf32>
        %12 = arith.bitcast %2 : vector<32xf32> to vector<32xi32>
        %13 = arith.shli %12, %cst_10 : vector<32xi32>
        %14 = arith.bitcast %13 : vector<32xi32> to vector<32xf32>
        %15 = arith.mulf %14, %cst_11 : vector<32xf32>
        %16 = arith.mulf %11, %15 : vector<32xf32>
        return %16 : vector<32xf32>
      }
      func.func private @row_gate_short(%arg0: vector<32xf32>, %arg1: vector<32xf32>) -> vector<32xf32> {
        %cst = arith.constant dense<-8.800000e+01> : vector<32xf32>
        %cst_0 = arith.constant dense<8.900000e+01> : vector<32xf32>
        %cst_1 = arith.constant dense<1.44269502> : vector<32xf32>
        %cst_2 = arith.constant dense<0x4B40007F> : vector<32xf32>
        %cst_3 = arith.constant dense<-0.693147182> : vector<32xf32>
        %cst_4 = arith.constant dense<0.0412775874> : vector<32xf32>
        %cst_5 = arith.constant dense<0.167535484> : vector<32xf32>
        %cst_6 = arith.constant dense<0.5000512> : vector<32xf32>
        %cst_7 = arith.constant dense<1.000000e+00> : vector<32xf32>
        %cst_8 = arith.constant dense<23> : vector<32xi32>
        %0 = arith.negf %arg1 : vector<32xf32>
        %1 = arith.cmpf olt, %0, %cst : vector<32xf32>
        %2 = arith.select %1, %cst, %0 : vector<32xi1>, vector<32xf32>
        %3 = arith.cmpf ogt, %2, %cst_0 : vector<32xf32>
        %4 = arith.select %3, %cst_0, %2 : vector<32xi1>, vector<32xf32>
        %5 = math.fma %4, %cst_1, %cst_2 : vector<32xf32>
        %6 = arith.subf %5, %cst_2 : vector<32xf32>
        %7 = math.fma %6, %cst_3, %4 : vector<32xf32>
        %8 = math.fma %cst_4, %7, %cst_5 : vector<32xf32>
        %9 = math.fma %8, %7, %cst_6 : vector<32xf32>
        %10 = math.fma %9, %7, %cst_7 : vector<32xf32>
        %11 = math.fma %10, %7, %cst_7 : vector<32xf32>
        %12 = arith.bitcast %5 : vector<32xf32> to vector<32xi32>
        %13 = arith.shli %12, %cst_8 : vector<32xi32>
        %14 = arith.bitcast %13 : vector<32xi32> to vector<32xf32>
        %15 = math.fma %11, %14, %cst_7 : vector<32xf32>
        %16 = arith.divf %arg0, %15 : vector<32xf32>
        return %16 : vector<32xf32>
      }
      func.func private @row_narrow_bf16_split(%arg0: vector<32xf32>) -> vector<32xbf16> {
        %cst = arith.constant dense<0x7FC00000> : vector<32xf32>
        %cst_0 = arith.constant dense<32767> : vector<32xi32>
        %cst_1 = arith.constant dense<16> : vector<32xi32>
        %cst_2 = arith.constant dense<1> : vector<32xi32>
        %cst_3 = arith.constant dense<16> : vector<16xi32>
        %cst_4 = arith.constant dense<-65536> : vector<16xi32>
        %0 = arith.cmpf uno, %arg0, %arg0 : vector<32xf32>
        %1 = arith.select %0, %cst, %arg0 : vector<32xi1>, vector<32xf32>
        %2 = arith.bitcast %1 : vector<32xf32> to vector<32xi32>
        %3 = arith.addi %2, %cst_0 : vector<32xi32>
        %4 = arith.shrui %2, %cst_1 : vector<32xi32>
        %5 = arith.andi %4, %cst_2 : vector<32xi32>
        %6 = arith.addi %3, %5 : vector<32xi32>
        %7 = vector.shuffle %6, %6 [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15] : vector<32xi32>, vector<32xi32>
        %8 = vector.shuffle %6, %6 [16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31] : vector<32xi32>, vector<32xi32>
        %9 = arith.shrui %7, %cst_3 : vector<16xi32>
        %10 = arith.andi %8, %cst_4 : vector<16xi32>
        %11 = arith.ori %9, %10 : vector<16xi32>
        %12 = vector.bitcast %11 : vector<16xi32> to vector<32xbf16>
        return %12 : vector<32xbf16>
      }
      func.func private @row_widen_bf16(%arg0: vector<32xbf16>) -> vector<32xf32> {
        %cst = arith.constant dense<16> : vector<32xi32>
        %0 = arith.bitcast %arg0 : vector<32xbf16> to vector<32xi16>
        %1 = arith.extui %0 : vector<32xi16> to vector<32xi32>
        %2 = arith.shli %1, %cst : vector<32xi32>
        %3 = arith.bitcast %2 : vector<32xi32> to vector<32xf32>
        return %3 : vector<32xf32>
      }
      func.func private @row_widen_bf16_split(%arg0: vector<32xbf16>) -> vector<32xf32> {
        %cst = arith.constant dense<16> : vector<16xi32>
        %cst_0 = arith.constant dense<-65536> : vector<16xi32>
        %0 = vector.bitcast %arg0 : vector<32xbf16> to vector<16xi32>
        %1 = arith.shli %0, %cst : vector<16xi32>
        %2 = arith.andi %0, %cst_0 : vector<16xi32>
        %3 = vector.shuffle %1, %2 [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31] : vector<16xi32>, vector<16xi32>
        %4 = arith.bitcast %3 : vector<32xi32> to vector<32xf32>
        return %4 : vector<32xf32>
      }
      func.func private @row_widen_f32_split(%arg0: vector<32xf32>) -> vector<32xf32> {
        %0 = vector.shuffle %arg0, %arg0 [0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31] : vector<32xf32>, vector<32xf32>
        return %0 : vector<32xf32>
      }
      func.func @rows_c63fdb40820f27ab() {
        %0 = hal.interface.constant.load layout(#pipeline_layout) ordinal(0) : i32
        %1 = arith.index_castui %0 : i32 to index
        %c16 = arith.constant 16 : index
        %workgroup_id_x = hal.interface.workgroup.id[0] : index
        %2 = arith.muli %workgroup_id_x, %c16 : index
        %3 = arith.addi %2, %c16 : index
        %4 = arith.minui %3, %1 : index
        %c1 = arith.constant 1 : index
        %c0 = arith.constant 0 : index
        %5 = hal.interface.binding.subspan layout(#pipeline_layout) binding(0) offset(%c0) : memref<?x8xbf16>{%1}
        %6 = hal.interface.binding.subspan layout(#pipeline_layout) binding(1) offset(%c0) : memref<8xf32>
        %7 = hal.interface.binding.subspan layout(#pipeline_layout) binding(2) offset(%c0) : memref<?x4xbf16>{%1}
        %8 = hal.interface.binding.subspan layout(#pipeline_layout) binding(3) offset(%c0) : memref<?x1xf32>{%1}
        scf.for %arg0 = %2 to %4 step %c1 {
          %cst = arith.constant dense<0.000000e+00> : vector<32xf64>
          %cst_0 = arith.constant dense<0.000000e+00> : vector<32xf32>
          %c8 = arith.constant 8 : index
          %cst_1 = arith.constant dense<[true, true, true, true, true, true, true, true, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false]> : vector<32xi1>
          %cst_2 = arith.constant dense<[true, true, true, true, false, false, false, false, false, false, false, false, false, false, false, false, true, true, true, true, false, false, false, false, false, false, false, false, false, false, false, false]> : vector<32xi1>
          %cst_3 = arith.constant 0.000000e+00 : bf16
          %c32 = arith.constant 32 : index
          %9 = scf.for %arg1 = %c0 to %c8 step %c32 iter_args(%arg2 = %cst_0) -> (vector<32xf32>) {
            %53 = vector.transfer_read %5[%arg0, %arg1], %cst_3, %cst_1 {in_bounds = [true]} : memref<?x8xbf16>, vector<32xbf16>
            %54 = func.call @row_widen_bf16_split(%53) : (vector<32xbf16>) -> vector<32xf32>
            %55 = arith.select %cst_2, %54, %cst_0 : vector<32xi1>, vector<32xf32>
            %56 = arith.addf %arg2, %55 : vector<32xf32>
            scf.yield %56 : vector<32xf32>
          }
          %10 = arith.extf %9 : vector<32xf32> to vector<32xf64>
          %11 = arith.addf %cst, %10 : vector<32xf64>
          %12 = vector.reduction <add>, %11 fastmath<reassoc> : vector<32xf64> into f64
          %cst_4 = arith.constant 8.000000e+00 : f64
          %13 = arith.divf %12, %cst_4 : f64
          %14 = arith.truncf %13 : f64 to f32
          %15 = vector.broadcast %14 : f32 to vector<32xf32>
          %16 = arith.extf %14 : f32 to f64
          %17 = arith.subf %13, %16 : f64
          %18 = math.absf %17 : f64
          %cst_5 = arith.constant 3.000000e+38 : f64
          %cst_6 = arith.constant 0.000000e+00 : f64
          %19 = arith.cmpf olt, %18, %cst_5 : f64
          %20 = arith.select %19, %17, %cst_6 : f64
          %21 = arith.truncf %20 : f64 to f32
          %22 = vector.broadcast %21 : f32 to vector<32xf32>
          %23 = scf.for %arg1 = %c0 to %c8 step %c32 iter_args(%arg2 = %cst_0) -> (vector<32xf32>) {
            %53 = vector.transfer_read %5[%arg0, %arg1], %cst_3, %cst_1 {in_bounds = [true]} : memref<?x8xbf16>, vector<32xbf16>
            %54 = func.call @row_widen_bf16_split(%53) : (vector<32xbf16>) -> vector<32xf32>
            %55 = arith.subf %54, %15 : vector<32xf32>
            %56 = arith.subf %55, %22 : vector<32xf32>
            %57 = arith.mulf %56, %56 : vector<32xf32>
            %58 = arith.select %cst_2, %57, %cst_0 : vector<32xi1>, vector<32xf32>
            %59 = arith.addf %arg2, %58 : vector<32xf32>
            scf.yield %59 : vector<32xf32>
          }
          %24 = arith.addf %cst_0, %23 : vector<32xf32>
          %25 = arith.extf %24 : vector<32xf32> to vector<32xf64>
          %26 = vector.reduction <add>, %25 fastmath<reassoc> : vector<32xf64> into f64
          %cst_7 = arith.constant 1.000000e-28 : f64
          %cst_8 = arith.constant 1.000000e+30 : f64
          %27 = math.absf %26 : f64
          %28 = arith.cmpf ogt, %27, %cst_7 : f64
          %29 = arith.cmpf olt, %27, %cst_8 : f64
          %30 = arith.andi %28, %29 : i1
          %31 = scf.if %30 -> (f64) {
            scf.yield %26 : f64
          } else {
            %53 = vector.broadcast %13 : f64 to vector<32xf64>
            %54 = scf.for %arg1 = %c0 to %c8 step %c32 iter_args(%arg2 = %cst) -> (vector<32xf64>) {
              %56 = vector.transfer_read %5[%arg0, %arg1], %cst_3, %cst_1 {in_bounds = [true]} : memref<?x8xbf16>, vector<32xbf16>
              %57 = func.call @row_widen_bf16(%56) : (vector<32xbf16>) -> vector<32xf32>
              %58 = arith.extf %57 : vector<32xf32> to vector<32xf64>
              %59 = arith.subf %58, %53 : vector<32xf64>
              %60 = arith.mulf %59, %59 : vector<32xf64>
              %61 = arith.select %cst_1, %60, %cst : vector<32xi1>, vector<32xf64>
              %62 = arith.addf %arg2, %61 : vector<32xf64>
              scf.yield %62 : vector<32xf64>
            }
            %55 = vector.reduction <add>, %54 fastmath<reassoc> : vector<32xf64> into f64
            scf.yield %55 : f64
          }
          %cst_9 = arith.constant dense<0xFF800000> : vector<32xf32>
          %32 = arith.divf %31, %cst_4 : f64
          %cst_10 = arith.constant 9.9999999999999995E-7 : f64
          %33 = arith.addf %32, %cst_10 : f64
          %34 = math.sqrt %33 : f64
          %cst_11 = arith.constant 1.000000e+00 : f64
          %35 = arith.divf %cst_11, %34 : f64
          %36 = arith.truncf %35 : f64 to f32
          %37 = vector.broadcast %36 : f32 to vector<32xf32>
          %cst_12 = arith.constant 0.000000e+00 : f32
          %38:2 = scf.for %arg1 = %c0 to %c8 step %c32 iter_args(%arg2 = %cst_9, %arg3 = %cst_9) -> (vector<32xf32>, vector<32xf32>) {
            %53 = vector.transfer_read %5[%arg0, %arg1], %cst_3, %cst_1 {in_bounds = [true]} : memref<?x8xbf16>, vector<32xbf16>
            %54 = func.call @row_widen_bf16_split(%53) : (vector<32xbf16>) -> vector<32xf32>
            %55 = arith.subf %54, %15 : vector<32xf32>
            %56 = arith.subf %55, %22 : vector<32xf32>
            %57 = arith.mulf %56, %37 : vector<32xf32>
            %58 = vector.transfer_read %6[%arg1], %cst_12, %cst_1 {in_bounds = [true]} : memref<8xf32>, vector<32xf32>
            %59 = func.call @row_widen_f32_split(%58) : (vector<32xf32>) -> vector<32xf32>
            %60 = arith.mulf %57, %59 : vector<32xf32>
            %61 = arith.select %cst_2, %60, %cst_9 : vector<32xi1>, vector<32xf32>
            %62 = arith.cmpf ogt, %61, %arg2 : vector<32xf32>
            %63 = arith.select %62, %61, %arg2 : vector<32xi1>, vector<32xf32>
            %64 = math.absf %60 : vector<32xf32>
            %65 = arith.select %cst_2, %64, %cst_9 : vector<32xi1>, vector<32xf32>
            %66 = arith.bitcast %65 : vector<32xf32> to vector<32xi32>
            %67 = arith.bitcast %arg3 : vector<32xf32> to vector<32xi32>
            %68 = arith.maxsi %66, %67 : vector<32xi32>
            %69 = arith.bitcast %68 : vector<32xi32> to vector<32xf32>
            scf.yield %63, %69 : vector<32xf32>, vector<32xf32>
          }
          %39 = vector.reduction <maxnumf>, %38#0 : vector<32xf32> into f32
          %40 = arith.extf %39 : f32 to f64
          %41 = vector.reduction <maximumf>, %38#1 : vector<32xf32> into f32
          %42 = arith.extf %41 : f32 to f64
          %43 = arith.truncf %40 : f64 to f32
          %44 = vector.broadcast %43 : f32 to vector<32xf32>
          %45 = scf.for %arg1 = %c0 to %c8 step %c32 iter_args(%arg2 = %cst_0) -> (vector<32xf32>) {
            %53 = vector.transfer_read %5[%arg0, %arg1], %cst_3, %cst_1 {in_bounds = [true]} : memref<?x8xbf16>, vector<32xbf16>
            %54 = func.call @row_widen_bf16_split(%53) : (vector<32xbf16>) -> vector<32xf32>
            %55 = arith.subf %54, %15 : vector<32xf32>
            %56 = arith.subf %55, %22 : vector<32xf32>
            %57 = arith.mulf %56, %37 : vector<32xf32>
            %58 = vector.transfer_read %6[%arg1], %cst_12, %cst_1 {in_bounds = [true]} : memref<8xf32>, vector<32xf32>
            %59 = func.call @row_widen_f32_split(%58) : (vector<32xf32>) -> vector<32xf32>
            %60 = arith.mulf %57, %59 : vector<32xf32>
            %61 = arith.subf %60, %44 : vector<32xf32>
            %62 = func.call @row_exp_down(%61) : (vector<32xf32>) -> vector<32xf32>
            %63 = arith.select %cst_2, %62, %cst_0 : vector<32xi1>, vector<32xf32>
            %64 = arith.addf %arg2, %63 : vector<32xf32>
            scf.yield %64 : vector<32xf32>
          }
          %46 = arith.addf %cst_0, %45 : vector<32xf32>
          %47 = arith.extf %46 : vector<32xf32> to vector<32xf64>
          %48 = vector.reduction <add>, %47 fastmath<reassoc> : vector<32xf64> into f64
          %c4 = arith.constant 4 : index
          %cst_13 = arith.constant dense<[true, true, true, true, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false]> : vector<32xi1>
          %cst_14 = arith.constant dense<[true, true, false, false, false, false, false, false, false, false, false, false, false, false, false, false, true, true, false, false, false, false, false, false, false, false, false, false, false, false, false, false]> : vector<32xi1>
          %cst_15 = arith.constant 1.000000e+00 : f64
          %49 = arith.divf %cst_15, %48 : f64
          %50 = arith.truncf %49 : f64 to f32
          %51 = vector.broadcast %50 : f32 to vector<32xf32>
          scf.for %arg1 = %c0 to %c4 step %c32 {
            %53 = vector.transfer_read %5[%arg0, %arg1], %cst_3, %cst_13 {in_bounds = [true]} : memref<?x8xbf16>, vector<32xbf16>
            %54 = func.call @row_widen_bf16_split(%53) : (vector<32xbf16>) -> vector<32xf32>
            %55 = arith.subf %54, %15 : vector<32xf32>
            %56 = arith.subf %55, %22 : vector<32xf32>
            %57 = arith.mulf %56, %37 : vector<32xf32>
            %58 = vector.transfer_read %6[%arg1], %cst_12, %cst_13 {in_bounds = [true]} : memref<8xf32>, vector<32xf32>
            %59 = func.call @row_widen_f32_split(%58) : (vector<32xf32>) -> vector<32xf32>
            %60 = arith.mulf %57, %59 : vector<32xf32>
            %61 = arith.subf %60, %44 : vector<32xf32>
            %62 = func.call @row_exp(%61) : (vector<32xf32>) -> vector<32xf32>
            %63 = arith.mulf %62, %51 : vector<32xf32>
            %64 = func.call @row_gate_short(%63, %63) : (vector<32xf32>, vector<32xf32>) -> vector<32xf32>
            %65 = arith.addi %arg1, %c4 : index
            %66 = vector.transfer_read %5[%arg0, %65], %cst_3, %cst_13 {in_bounds = [true]} : memref<?x8xbf16>, vector<32xbf16>
            %67 = func.call @row_widen_bf16_split(%66) : (vector<32xbf16>) -> vector<32xf32>
            %68 = arith.subf %67, %15 : vector<32xf32>
            %69 = arith.subf %68, %22 : vector<32xf32>
            %70 = arith.mulf %69, %37 : vector<32xf32>
            %71 = vector.transfer_read %6[%65], %cst_12, %cst_13 {in_bounds = [true]} : memref<8xf32>, vector<32xf32>
            %72 = func.call @row_widen_f32_split(%71) : (vector<32xf32>) -> vector<32xf32>
            %73 = arith.mulf %70, %72 : vector<32xf32>
            %74 = arith.subf %73, %44 : vector<32xf32>
            %75 = func.call @row_exp(%74) : (vector<32xf32>) -> vector<32xf32>
            %76 = arith.mulf %75, %51 : vector<32xf32>
            %77 = func.call @row_erf(%76) : (vector<32xf32>) -> vector<32xf32>
            %78 = arith.mulf %64, %77 : vector<32xf32>
            %79 = func.call @row_narrow_bf16_split(%78) : (vector<32xf32>) -> vector<32xbf16>
            vector.transfer_write %79, %7[%arg0, %arg1], %cst_13 {in_bounds = [true]} : vector<32xbf16>, memref<?x4xbf16>
          }
          %52 = arith.truncf %42 : f64 to f32
          memref.store %52, %8[%arg0, %c0] : memref<?x1xf32>
        }
        return
      }
    }
  }
  util.func private @rows_c63fdb40820f27ab(%arg0: tensor<?x8xbf16>, %arg1: tensor<8xf32>) -> (tensor<?x4xbf16>, tensor<?x1xf32>) {
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?x8xbf16>
    %0 = arith.index_castui %dim : index to i32
    %1:2 = flow.dispatch @rows_c63fdb40820f27ab_rows::@rows_c63fdb40820f27ab[%dim](%0, %arg0, %arg1) : (i32, tensor<?x8xbf16>{%dim}, tensor<8xf32>) -> (tensor<?x4xbf16>{%dim}, tensor<?x1xf32>{%dim})
    util.return %1#0, %1#1 : tensor<?x4xbf16>, tensor<?x1xf32>
  }
}
