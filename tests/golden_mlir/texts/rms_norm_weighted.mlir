#pipeline_layout = #hal.pipeline.layout<constants = 1, bindings = [#hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer>]>
module {
  func.func public @main(%arg0: tensor<?x48xf32>, %arg1: tensor<48xf32>, %arg2: !hal.buffer_view {iree.abi.output = 0 : index}) -> tensor<?x48xf32> {
    %0 = util.call @rows_1b1e583ebd169576(%arg0, %arg1) : (tensor<?x48xf32>, tensor<48xf32>) -> tensor<?x48xf32>
    return %0 : tensor<?x48xf32>
  }
  hal.executable.source private @rows_1b1e583ebd169576_rows {
    hal.executable.export public @rows_1b1e583ebd169576 ordinal(0) layout(#pipeline_layout) count(%arg0: !hal.device, %arg1: index) -> (index, index, index) {
      %c1 = arith.constant 1 : index
      %c16 = arith.constant 16 : index
      %0 = arith.ceildivui %arg1, %c16 : index
      hal.return %0, %c1, %c1 : index, index, index
    } attributes {ir_runtime.read = 2 : i64, ir_runtime.written_over = array<i64: 0, 2>}
    builtin.module {
      func.func @rows_1b1e583ebd169576() {
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
        %6 = hal.interface.binding.subspan layout(#pipeline_layout) binding(1) offset(%c0) : memref<48xf32>
        %7 = hal.interface.binding.subspan layout(#pipeline_layout) binding(2) offset(%c0) : memref<?x48xf32>{%1}
        scf.for %arg0 = %2 to %4 step %c1 {
          %cst = arith.constant dense<0.000000e+00> : vector<32xf32>
          %c32 = arith.constant 32 : index
          %cst_0 = arith.constant 0.000000e+00 : f32
          %8 = scf.for %arg1 = %c0 to %c32 step %c32 iter_args(%arg2 = %cst) -> (vector<32xf32>) {
            %24 = vector.transfer_read %5[%arg0, %arg1], %cst_0 {in_bounds = [true]} : memref<?x48xf32>, vector<32xf32>
            %25 = math.fma %24, %24, %arg2 : vector<32xf32>
            scf.yield %25 : vector<32xf32>
          }
          %c48 = arith.constant 48 : index
          %cst_1 = arith.constant dense<[true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false]> : vector<32xi1>
          %9 = scf.for %arg1 = %c32 to %c48 step %c32 iter_args(%arg2 = %8) -> (vector<32xf32>) {
            %24 = vector.transfer_read %5[%arg0, %arg1], %cst_0, %cst_1 {in_bounds = [true]} : memref<?x48xf32>, vector<32xf32>
            %25 = arith.mulf %24, %24 : vector<32xf32>
            %26 = arith.select %cst_1, %25, %cst : vector<32xi1>, vector<32xf32>
            %27 = arith.addf %arg2, %26 : vector<32xf32>
            scf.yield %27 : vector<32xf32>
          }
          %10 = arith.addf %cst, %9 : vector<32xf32>
          %11 = arith.extf %10 : vector<32xf32> to vector<32xf64>
          %12 = vector.reduction <add>, %11 fastmath<reassoc> : vector<32xf64> into f64
          %cst_2 = arith.constant 1.000000e-28 : f64
          %cst_3 = arith.constant 1.000000e+30 : f64
          %13 = math.absf %12 : f64
          %14 = arith.cmpf ogt, %13, %cst_2 : f64
          %15 = arith.cmpf olt, %13, %cst_3 : f64
          %16 = arith.andi %14, %15 : i1
          %17 = scf.if %16 -> (f64) {
            scf.yield %12 : f64
          } else {
            %cst_7 = arith.constant dense<0.000000e+00> : vector<32xf64>
            %24 = scf.for %arg1 = %c0 to %c32 step %c32 iter_args(%arg2 = %cst_7) -> (vector<32xf64>) {
              %27 = vector.transfer_read %5[%arg0, %arg1], %cst_0 {in_bounds = [true]} : memref<?x48xf32>, vector<32xf32>
              %28 = arith.extf %27 : vector<32xf32> to vector<32xf64>
              %29 = arith.mulf %28, %28 : vector<32xf64>
              %30 = arith.addf %arg2, %29 : vector<32xf64>
              scf.yield %30 : vector<32xf64>
            }
            %25 = scf.for %arg1 = %c32 to %c48 step %c32 iter_args(%arg2 = %24) -> (vector<32xf64>) {
              %27 = vector.transfer_read %5[%arg0, %arg1], %cst_0, %cst_1 {in_bounds = [true]} : memref<?x48xf32>, vector<32xf32>
              %28 = arith.extf %27 : vector<32xf32> to vector<32xf64>
              %29 = arith.mulf %28, %28 : vector<32xf64>
              %30 = arith.select %cst_1, %29, %cst_7 : vector<32xi1>, vector<32xf64>
              %31 = arith.addf %arg2, %30 : vector<32xf64>
              scf.yield %31 : vector<32xf64>
            }
            %26 = vector.reduction <add>, %25 fastmath<reassoc> : vector<32xf64> into f64
            scf.yield %26 : f64
          }
          %cst_4 = arith.constant 4.800000e+01 : f64
          %18 = arith.divf %17, %cst_4 : f64
          %cst_5 = arith.constant 1.000000e-05 : f64
          %19 = arith.addf %18, %cst_5 : f64
          %20 = math.sqrt %19 : f64
          %cst_6 = arith.constant 1.000000e+00 : f64
          %21 = arith.divf %cst_6, %20 : f64
          %22 = arith.truncf %21 : f64 to f32
          %23 = vector.broadcast %22 : f32 to vector<32xf32>
          scf.for %arg1 = %c0 to %c32 step %c32 {
            %24 = vector.transfer_read %5[%arg0, %arg1], %cst_0 {in_bounds = [true]} : memref<?x48xf32>, vector<32xf32>
            %25 = arith.mulf %24, %23 : vector<32xf32>
            %26 = vector.transfer_read %6[%arg1], %cst_0 {in_bounds = [true]} : memref<48xf32>, vector<32xf32>
            %27 = arith.mulf %25, %26 : vector<32xf32>
            vector.transfer_write %27, %7[%arg0, %arg1] {in_bounds = [true]} : vector<32xf32>, memref<?x48xf32>
          }
          scf.for %arg1 = %c32 to %c48 step %c32 {
            %24 = vector.transfer_read %5[%arg0, %arg1], %cst_0, %cst_1 {in_bounds = [true]} : memref<?x48xf32>, vector<32xf32>
            %25 = arith.mulf %24, %23 : vector<32xf32>
            %26 = vector.transfer_read %6[%arg1], %cst_0, %cst_1 {in_bounds = [true]} : memref<48xf32>, vector<32xf32>
            %27 = arith.mulf %25, %26 : vector<32xf32>
            vector.transfer_write %27, %7[%arg0, %arg1], %cst_1 {in_bounds = [true]} : vector<32xf32>, memref<?x48xf32>
          }
        }
        return
      }
    }
  }
  util.func private @rows_1b1e583ebd169576(%arg0: tensor<?x48xf32>, %arg1: tensor<48xf32>) -> tensor<?x48xf32> {
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?x48xf32>
    %0 = arith.index_castui %dim : index to i32
    %1 = flow.dispatch @rows_1b1e583ebd169576_rows::@rows_1b1e583ebd169576[%dim](%0, %arg0, %arg1) : (i32, tensor<?x48xf32>{%dim}, tensor<48xf32>) -> tensor<?x48xf32>{%dim}
    util.return %1 : tensor<?x48xf32>
  }
}
