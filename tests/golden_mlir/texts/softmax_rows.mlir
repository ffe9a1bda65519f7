#pipeline_layout = #hal.pipeline.layout<constants = 1, bindings = [#hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer>]>
module {
  func.func public @main(%arg0: tensor<?x48xf32>, %arg1: !hal.buffer_view {iree.abi.output = 0 : index}) -> tensor<?x48xf32> {
    %0 = util.call @rows_4035cfe675c380d4(%arg0) : (tensor<?x48xf32>) -> tensor<?x48xf32>
    return %0 : tensor<?x48xf32>
  }
  hal.executable.source private @rows_4035cfe675c380d4_rows {
    hal.executable.export public @rows_4035cfe675c380d4 ordinal(0) layout(#pipeline_layout) count(%arg0: !hal.device, %arg1: index) -> (index, index, index) {
      %c1 = arith.constant 1 : index
      %c16 = arith.constant 16 : index
      %0 = arith.ceildivui %arg1, %c16 : index
      hal.return %0, %c1, %c1 : index, index, index
    } attributes {ir_runtime.read = 1 : i64, ir_runtime.written_over = array<i64: 0, 1>}
    builtin.module {
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
      func.func @rows_4035cfe675c380d4() {
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
        %6 = hal.interface.binding.subspan layout(#pipeline_layout) binding(1) offset(%c0) : memref<?x48xf32>{%1}
        scf.for %arg0 = %2 to %4 step %c1 {
          %cst = arith.constant dense<0xFF800000> : vector<32xf32>
          %c32 = arith.constant 32 : index
          %cst_0 = arith.constant 0.000000e+00 : f32
          %7 = scf.for %arg1 = %c0 to %c32 step %c32 iter_args(%arg2 = %cst) -> (vector<32xf32>) {
            %21 = vector.transfer_read %5[%arg0, %arg1], %cst_0 {in_bounds = [true]} : memref<?x48xf32>, vector<32xf32>
            %22 = arith.cmpf ogt, %21, %arg2 : vector<32xf32>
            %23 = arith.select %22, %21, %arg2 : vector<32xi1>, vector<32xf32>
            scf.yield %23 : vector<32xf32>
          }
          %c48 = arith.constant 48 : index
          %cst_1 = arith.constant dense<[true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false]> : vector<32xi1>
          %8 = scf.for %arg1 = %c32 to %c48 step %c32 iter_args(%arg2 = %7) -> (vector<32xf32>) {
            %21 = vector.transfer_read %5[%arg0, %arg1], %cst_0, %cst_1 {in_bounds = [true]} : memref<?x48xf32>, vector<32xf32>
            %22 = arith.select %cst_1, %21, %cst : vector<32xi1>, vector<32xf32>
            %23 = arith.cmpf ogt, %22, %arg2 : vector<32xf32>
            %24 = arith.select %23, %22, %arg2 : vector<32xi1>, vector<32xf32>
            scf.yield %24 : vector<32xf32>
          }
          %9 = vector.reduction <maxnumf>, %8 : vector<32xf32> into f32
          %10 = arith.extf %9 : f32 to f64
          %cst_2 = arith.constant dense<0.000000e+00> : vector<32xf32>
          %11 = arith.truncf %10 : f64 to f32
          %12 = vector.broadcast %11 : f32 to vector<32xf32>
          %13 = scf.for %arg1 = %c0 to %c32 step %c32 iter_args(%arg2 = %cst_2) -> (vector<32xf32>) {
            %21 = vector.transfer_read %5[%arg0, %arg1], %cst_0 {in_bounds = [true]} : memref<?x48xf32>, vector<32xf32>
            %22 = arith.subf %21, %12 : vector<32xf32>
            %23 = func.call @row_exp_down(%22) : (vector<32xf32>) -> vector<32xf32>
            %24 = arith.addf %arg2, %23 : vector<32xf32>
            vector.transfer_write %23, %6[%arg0, %arg1] {in_bounds = [true]} : vector<32xf32>, memref<?x48xf32>
            scf.yield %24 : vector<32xf32>
          }
          %14 = scf.for %arg1 = %c32 to %c48 step %c32 iter_args(%arg2 = %13) -> (vector<32xf32>) {
            %21 = vector.transfer_read %5[%arg0, %arg1], %cst_0, %cst_1 {in_bounds = [true]} : memref<?x48xf32>, vector<32xf32>
            %22 = arith.subf %21, %12 : vector<32xf32>
            %23 = func.call @row_exp_down(%22) : (vector<32xf32>) -> vector<32xf32>
            %24 = arith.select %cst_1, %23, %cst_2 : vector<32xi1>, vector<32xf32>
            %25 = arith.addf %arg2, %24 : vector<32xf32>
            vector.transfer_write %23, %6[%arg0, %arg1], %cst_1 {in_bounds = [true]} : vector<32xf32>, memref<?x48xf32>
            scf.yield %25 : vector<32xf32>
          }
          %15 = arith.addf %cst_2, %14 : vector<32xf32>
          %16 = arith.extf %15 : vector<32xf32> to vector<32xf64>
          %17 = vector.reduction <add>, %16 fastmath<reassoc> : vector<32xf64> into f64
          %cst_3 = arith.constant 1.000000e+00 : f64
          %18 = arith.divf %cst_3, %17 : f64
          %19 = arith.truncf %18 : f64 to f32
          %20 = vector.broadcast %19 : f32 to vector<32xf32>
          scf.for %arg1 = %c0 to %c32 step %c32 {
            %21 = vector.transfer_read %6[%arg0, %arg1], %cst_0 {in_bounds = [true]} : memref<?x48xf32>, vector<32xf32>
            %22 = arith.mulf %21, %20 : vector<32xf32>
            vector.transfer_write %22, %6[%arg0, %arg1] {in_bounds = [true]} : vector<32xf32>, memref<?x48xf32>
          }
          scf.for %arg1 = %c32 to %c48 step %c32 {
            %21 = vector.transfer_read %6[%arg0, %arg1], %cst_0, %cst_1 {in_bounds = [true]} : memref<?x48xf32>, vector<32xf32>
            %22 = arith.mulf %21, %20 : vector<32xf32>
            vector.transfer_write %22, %6[%arg0, %arg1], %cst_1 {in_bounds = [true]} : vector<32xf32>, memref<?x48xf32>
          }
        }
        return
      }
    }
  }
  util.func private @rows_4035cfe675c380d4(%arg0: tensor<?x48xf32>) -> tensor<?x48xf32> {
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?x48xf32>
    %0 = arith.index_castui %dim : index to i32
    %1 = flow.dispatch @rows_4035cfe675c380d4_rows::@rows_4035cfe675c380d4[%dim](%0, %arg0) : (i32, tensor<?x48xf32>{%dim}) -> tensor<?x48xf32>{%dim}
    util.return %1 : tensor<?x48xf32>
  }
}
