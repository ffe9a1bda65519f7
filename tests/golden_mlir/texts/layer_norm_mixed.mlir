#pipeline_layout = #hal.pipeline.layout<constants = 1, bindings = [#hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer>]>
module {
  func.func public @main(%arg0: tensor<?x48xf32>, %arg1: tensor<48xbf16>, %arg2: tensor<48xbf16>, %arg3: !hal.buffer_view {iree.abi.output = 0 : index}) -> tensor<?x48xf32> {
    %0 = util.call @rows_2caa9fb26f2c4a06(%arg0, %arg1, %arg2) : (tensor<?x48xf32>, tensor<48xbf16>, tensor<48xbf16>) -> tensor<?x48xf32>
    return %0 : tensor<?x48xf32>
  }
  hal.executable.source private @rows_2caa9fb26f2c4a06_rows {
    hal.executable.export public @rows_2caa9fb26f2c4a06 ordinal(0) layout(#pipeline_layout) count(%arg0: !hal.device, %arg1: index) -> (index, index, index) {
      %c1 = arith.constant 1 : index
      %c16 = arith.constant 16 : index
      %0 = arith.ceildivui %arg1, %c16 : index
      hal.return %0, %c1, %c1 : index, index, index
    } attributes {ir_runtime.read = 3 : i64, ir_runtime.written_over = array<i64: 0, 3>}
    builtin.module {
      func.func private @row_widen_bf16(%arg0: vector<32xbf16>) -> vector<32xf32> {
        %cst = arith.constant dense<16> : vector<32xi32>
        %0 = arith.bitcast %arg0 : vector<32xbf16> to vector<32xi16>
        %1 = arith.extui %0 : vector<32xi16> to vector<32xi32>
        %2 = arith.shli %1, %cst : vector<32xi32>
        %3 = arith.bitcast %2 : vector<32xi32> to vector<32xf32>
        return %3 : vector<32xf32>
      }
      func.func @rows_2caa9fb26f2c4a06() {
        %0 = hal.interface.constant.load layout(#pipeline_layout) ordinal(0) : i32
        %1 = arith.index_castui %0 : i32 to index
        %c16 = arith.constant 16 : index
        %workgroup_id_x = hal.interface.workgroup.id[0] : index
        %2 = arith.muli %workgroup_id_x, %c16 : index
        %3 = arith.addi %2, %c16 : index
        %4 = arith.minui %3, %1 : index
        %c1 = arith.constant 1 : index
        %c0 = arith.constant 0 : index
        %5 = hal.interface.binding.subspan layout(#pipeline_layout) binding(0) offset(%c0) : memref<?x48xf32>{%1}
        %6 = hal.interface.binding.subspan layout(#pipeline_layout) binding(1) offset(%c0) : memref<48xbf16>
        %7 = hal.interface.binding.subspan layout(#pipeline_layout) binding(2) offset(%c0) : memref<48xbf16>
        %8 = hal.interface.binding.subspan layout(#pipeline_layout) binding(3) offset(%c0) : memref<?x48xf32>{%1}
        scf.for %arg0 = %2 to %4 step %c1 {
          %cst = arith.constant dense<0.000000e+00> : vector<32xf64>
          %cst_0 = arith.constant dense<0.000000e+00> : vector<32xf32>
          %c32 = arith.constant 32 : index
          %cst_1 = arith.constant 0.000000e+00 : f32
          %9 = scf.for %arg1 = %c0 to %c32 step %c32 iter_args(%arg2 = %cst_0) -> (vector<32xf32>) {
            %40 = vector.transfer_read %5[%arg0, %arg1], %cst_1 {in_bounds = [true]} : memref<?x48xf32>, vector<32xf32>
            %41 = arith.addf %arg2, %40 : vector<32xf32>
            scf.yield %41 : vector<32xf32>
          }
          %c48 = arith.constant 48 : index
          %cst_2 = arith.constant dense<[true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false]> : vector<32xi1>
          %10 = scf.for %arg1 = %c32 to %c48 step %c32 iter_args(%arg2 = %9) -> (vector<32xf32>) {
            %40 = vector.transfer_read %5[%arg0, %arg1], %cst_1, %cst_2 {in_bounds = [true]} : memref<?x48xf32>, vector<32xf32>
            %41 = arith.select %cst_2, %40, %cst_0 : vector<32xi1>, vector<32xf32>
            %42 = arith.addf %arg2, %41 : vector<32xf32>
            scf.yield %42 : vector<32xf32>
          }
          %11 = arith.extf %10 : vector<32xf32> to vector<32xf64>
          %12 = arith.addf %cst, %11 : vector<32xf64>
          %13 = vector.reduction <add>, %12 fastmath<reassoc> : vector<32xf64> into f64
          %cst_3 = arith.constant 4.800000e+01 : f64
          %14 = arith.divf %13, %cst_3 : f64
          %15 = arith.truncf %14 : f64 to f32
          %16 = vector.broadcast %15 : f32 to vector<32xf32>
          %17 = arith.extf %15 : f32 to f64
          %18 = arith.subf %14, %17 : f64
          %19 = math.absf %18 : f64
          %cst_4 = arith.constant 3.000000e+38 : f64
          %cst_5 = arith.constant 0.000000e+00 : f64
          %20 = arith.cmpf olt, %19, %cst_4 : f64
          %21 = arith.select %20, %18, %cst_5 : f64
          %22 = arith.truncf %21 : f64 to f32
          %23 = vector.broadcast %22 : f32 to vector<32xf32>
          %24 = scf.for %arg1 = %c0 to %c32 step %c32 iter_args(%arg2 = %cst_0) -> (vector<32xf32>) {
            %40 = vector.transfer_read %5[%arg0, %arg1], %cst_1 {in_bounds = [true]} : memref<?x48xf32>, vector<32xf32>
            %41 = arith.subf %40, %16 : vector<32xf32>
            %42 = arith.subf %41, %23 : vector<32xf32>
            %43 = math.fma %42, %42, %arg2 : vector<32xf32>
            scf.yield %43 : vector<32xf32>
          }
          %25 = scf.for %arg1 = %c32 to %c48 step %c32 iter_args(%arg2 = %24) -> (vector<32xf32>) {
            %40 = vector.transfer_read %5[%arg0, %arg1], %cst_1, %cst_2 {in_bounds = [true]} : memref<?x48xf32>, vector<32xf32>
            %41 = arith.subf %40, %16 : vector<32xf32>
            %42 = arith.subf %41, %23 : vector<32xf32>
            %43 = arith.mulf %42, %42 : vector<32xf32>
            %44 = arith.select %cst_2, %43, %cst_0 : vector<32xi1>, vector<32xf32>
            %45 = arith.addf %arg2, %44 : vector<32xf32>
            scf.yield %45 : vector<32xf32>
          }
          %26 = arith.addf %cst_0, %25 : vector<32xf32>
          %27 = arith.extf %26 : vector<32xf32> to vector<32xf64>
          %28 = vector.reduction <add>, %27 fastmath<reassoc> : vector<32xf64> into f64
          %cst_6 = arith.constant 1.000000e-28 : f64
          %cst_7 = arith.constant 1.000000e+30 : f64
          %29 = math.absf %28 : f64
          %30 = arith.cmpf ogt, %29, %cst_6 : f64
          %31 = arith.cmpf olt, %29, %cst_7 : f64
          %32 = arith.andi %30, %31 : i1
          %33 = scf.if %32 -> (f64) {
            scf.yield %28 : f64
          } else {
            %40 = vector.broadcast %14 : f64 to vector<32xf64>
            %41 = scf.for %arg1 = %c0 to %c32 step %c32 iter_args(%arg2 = %cst) -> (vector<32xf64>) {
              %44 = vector.transfer_read %5[%arg0, %arg1], %cst_1 {in_bounds = [true]} : memref<?x48xf32>, vector<32xf32>
              %45 = arith.extf %44 : vector<32xf32> to vector<32xf64>
              %46 = arith.subf %45, %40 : vector<32xf64>
              %47 = arith.mulf %46, %46 : vector<32xf64>
              %48 = arith.addf %arg2, %47 : vector<32xf64>
              scf.yield %48 : vector<32xf64>
            }
            %42 = scf.for %arg1 = %c32 to %c48 step %c32 iter_args(%arg2 = %41) -> (vector<32xf64>) {
              %44 = vector.transfer_read %5[%arg0, %arg1], %cst_1, %cst_2 {in_bounds = [true]} : memref<?x48xf32>, vector<32xf32>
              %45 = arith.extf %44 : vector<32xf32> to vector<32xf64>
              %46 = arith.subf %45, %40 : vector<32xf64>
              %47 = arith.mulf %46, %46 : vector<32xf64>
              %48 = arith.select %cst_2, %47, %cst : vector<32xi1>, vector<32xf64>
              %49 = arith.addf %arg2, %48 : vector<32xf64>
              scf.yield %49 : vector<32xf64>
            }
            %43 = vector.reduction <add>, %42 fastmath<reassoc> : vector<32xf64> into f64
            scf.yield %43 : f64
          }
          %34 = arith.divf %33, %cst_3 : f64
          %cst_8 = arith.constant 1.000000e-05 : f64
          %35 = arith.addf %34, %cst_8 : f64
          %36 = math.sqrt %35 : f64
          %cst_9 = arith.constant 1.000000e+00 : f64
          %37 = arith.divf %cst_9, %36 : f64
          %38 = arith.truncf %37 : f64 to f32
          %39 = vector.broadcast %38 : f32 to vector<32xf32>
          %cst_10 = arith.constant 0.000000e+00 : bf16
          scf.for %arg1 = %c0 to %c32 step %c32 {
            %40 = vector.transfer_read %5[%arg0, %arg1], %cst_1 {in_bounds = [true]} : memref<?x48xf32>, vector<32xf32>
            %41 = arith.subf %40, %16 : vector<32xf32>
            %42 = arith.subf %41, %23 : vector<32xf32>
            %43 = arith.mulf %42, %39 : vector<32xf32>
            %44 = vector.transfer_read %6[%arg1], %cst_10 {in_bounds = [true]} : memref<48xbf16>, vector<32xbf16>
            %45 = func.call @row_widen_bf16(%44) : (vector<32xbf16>) -> vector<32xf32>
            %46 = vector.transfer_read %7[%arg1], %cst_10 {in_bounds = [true]} : memref<48xbf16>, vector<32xbf16>
            %47 = func.call @row_widen_bf16(%46) : (vector<32xbf16>) -> vector<32xf32>
            %48 = math.fma %43, %45, %47 : vector<32xf32>
            vector.transfer_write %48, %8[%arg0, %arg1] {in_bounds = [true]} : vector<32xf32>, memref<?x48xf32>
          }
          scf.for %arg1 = %c32 to %c48 step %c32 {
            %40 = vector.transfer_read %5[%arg0, %arg1], %cst_1, %cst_2 {in_bounds = [true]} : memref<?x48xf32>, vector<32xf32>
            %41 = arith.subf %40, %16 : vector<32xf32>
            %42 = arith.subf %41, %23 : vector<32xf32>
            %43 = arith.mulf %42, %39 : vector<32xf32>
            %44 = vector.transfer_read %6[%arg1], %cst_10, %cst_2 {in_bounds = [true]} : memref<48xbf16>, vector<32xbf16>
            %45 = func.call @row_widen_bf16(%44) : (vector<32xbf16>) -> vector<32xf32>
            %46 = vector.transfer_read %7[%arg1], %cst_10, %cst_2 {in_bounds = [true]} : memref<48xbf16>, vector<32xbf16>
            %47 = func.call @row_widen_bf16(%46) : (vector<32xbf16>) -> vector<32xf32>
            %48 = math.fma %43, %45, %47 : vector<32xf32>
            vector.transfer_write %48, %8[%arg0, %arg1], %cst_2 {in_bounds = [true]} : vector<32xf32>, memref<?x48xf32>
          }
        }
        return
      }
    }
  }
  util.func private @rows_2caa9fb26f2c4a06(%arg0: tensor<?x48xf32>, %arg1: tensor<48xbf16>, %arg2: tensor<48xbf16>) -> tensor<?x48xf32> {
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?x48xf32>
    %0 = arith.index_castui %dim : index to i32
    %1 = flow.dispatch @rows_2caa9fb26f2c4a06_rows::@rows_2caa9fb26f2c4a06[%dim](%0, %arg0, %arg1, %arg2) : (i32, tensor<?x48xf32>{%dim}, tensor<48xbf16>, tensor<48xbf16>) -> tensor<?x48xf32>{%dim}
    util.return %1 : tensor<?x48xf32>
  }
}
