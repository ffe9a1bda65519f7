#pipeline_layout = #hal.pipeline.layout<constants = 1, bindings = [#hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer>]>
module {
  func.func public @main(%arg0: tensor<?x96xf32>, %arg1: !hal.buffer_view {iree.abi.output = 0 : index}) -> tensor<?x48xf32> {
    %0 = util.call @rows_1c3b74043b9bef30(%arg0) : (tensor<?x96xf32>) -> tensor<?x48xf32>
    return %0 : tensor<?x48xf32>
  }
  hal.executable.source private @rows_1c3b74043b9bef30_rows {
    hal.executable.export public @rows_1c3b74043b9bef30 ordinal(0) layout(#pipeline_layout) count(%arg0: !hal.device, %arg1: index) -> (index, index, index) {
      %c1 = arith.constant 1 : index
      %c16 = arith.constant 16 : index
      %0 = arith.ceildivui %arg1, %c16 : index
      hal.return %0, %c1, %c1 : index, index, index
    } attributes {ir_runtime.read = 1 : i64, ir_runtime.written_over = array<i64>}
    builtin.module {
      func.func private @row_gate(%arg0: vector<32xf32>, %arg1: vector<32xf32>) -> vector<32xf32> {
        %cst = arith.constant dense<-8.800000e+01> : vector<32xf32>
        %cst_0 = arith.constant dense<8.900000e+01> : vector<32xf32>
        %cst_1 = arith.constant dense<1.44269502> : vector<32xf32>
        %cst_2 = arith.constant dense<0x4B40007F> : vector<32xf32>
        %cst_3 = arith.constant dense<-0.693147182> : vector<32xf32>
        %cst_4 = arith.constant dense<1.90465421E-9> : vector<32xf32>
        %cst_5 = arith.constant dense<0.001378263> : vector<32xf32>
        %cst_6 = arith.constant dense<0.00837339088> : vector<32xf32>
        %cst_7 = arith.constant dense<0.0416695103> : vector<32xf32>
        %cst_8 = arith.constant dense<0.16666469> : vector<32xf32>
        %cst_9 = arith.constant dense<0.499999851> : vector<32xf32>
        %cst_10 = arith.constant dense<1.000000e+00> : vector<32xf32>
        %cst_11 = arith.constant dense<23> : vector<32xi32>
        %0 = arith.negf %arg1 : vector<32xf32>
        %1 = arith.cmpf olt, %0, %cst : vector<32xf32>
        %2 = arith.select %1, %cst, %0 : vector<32xi1>, vector<32xf32>
        %3 = arith.cmpf ogt, %2, %cst_0 : vector<32xf32>
        %4 = arith.select %3, %cst_0, %2 : vector<32xi1>, vector<32xf32>
        %5 = math.fma %4, %cst_1, %cst_2 : vector<32xf32>
        %6 = arith.subf %5, %cst_2 : vector<32xf32>
        %7 = math.fma %6, %cst_3, %4 : vector<32xf32>
        %8 = math.fma %6, %cst_4, %7 : vector<32xf32>
        %9 = math.fma %cst_5, %8, %cst_6 : vector<32xf32>
        %10 = math.fma %9, %8, %cst_7 : vector<32xf32>
        %11 = math.fma %10, %8, %cst_8 : vector<32xf32>
        %12 = math.fma %11, %8, %cst_9 : vector<32xf32>
        %13 = math.fma %12, %8, %cst_10 : vector<32xf32>
        %14 = math.fma %13, %8, %cst_10 : vector<32xf32>
        %15 = arith.bitcast %5 : vector<32xf32> to vector<32xi32>
        %16 = arith.shli %15, %cst_11 : vector<32xi32>
        %17 = arith.bitcast %16 : vector<32xi32> to vector<32xf32>
        %18 = math.fma %14, %17, %cst_10 : vector<32xf32>
        %19 = arith.divf %arg0, %18 : vector<32xf32>
        return %19 : vector<32xf32>
      }
      func.func @rows_1c3b74043b9bef30() {
        %0 = hal.interface.constant.load layout(#pipeline_layout) ordinal(0) : i32
        %1 = arith.index_castui %0 : i32 to index
        %c16 = arith.constant 16 : index
        %workgroup_id_x = hal.interface.workgroup.id[0] : index
        %2 = arith.muli %workgroup_id_x, %c16 : index
        %3 = arith.addi %2, %c16 : index
        %4 = arith.minui %3, %1 : index
        %c1 = arith.constant 1 : index
        %c0 = arith.constant 0 : index
        %5 = hal.interface.binding.subspan layout(#pipeline_layout) binding(0) offset(%c0) : memref<?x96xf32>{%1}
        %6 = hal.interface.binding.subspan layout(#pipeline_layout) binding(1) offset(%c0) : memref<?x48xf32>{%1}
        scf.for %arg0 = %2 to %4 step %c1 {
          %c32 = arith.constant 32 : index
          %cst = arith.constant 0.000000e+00 : f32
          %c48 = arith.constant 48 : index
          scf.for %arg1 = %c0 to %c32 step %c32 {
            %7 = vector.transfer_read %5[%arg0, %arg1], %cst {in_bounds = [true]} : memref<?x96xf32>, vector<32xf32>
            %8 = func.call @row_gate(%7, %7) : (vector<32xf32>, vector<32xf32>) -> vector<32xf32>
            %9 = arith.addi %arg1, %c48 : index
            %10 = vector.transfer_read %5[%arg0, %9], %cst {in_bounds = [true]} : memref<?x96xf32>, vector<32xf32>
            %11 = arith.mulf %8, %10 : vector<32xf32>
            vector.transfer_write %11, %6[%arg0, %arg1] {in_bounds = [true]} : vector<32xf32>, memref<?x48xf32>
          }
          %cst_0 = arith.constant dense<[true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, true, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false]> : vector<32xi1>
          scf.for %arg1 = %c32 to %c48 step %c32 {
            %7 = vector.transfer_read %5[%arg0, %arg1], %cst, %cst_0 {in_bounds = [true]} : memref<?x96xf32>, vector<32xf32>
            %8 = func.call @row_gate(%7, %7) : (vector<32xf32>, vector<32xf32>) -> vector<32xf32>
            %9 = arith.addi %arg1, %c48 : index
            %10 = vector.transfer_read %5[%arg0, %9], %cst, %cst_0 {in_bounds = [true]} : memref<?x96xf32>, vector<32xf32>
            %11 = arith.mulf %8, %10 : vector<32xf32>
            vector.transfer_write %11, %6[%arg0, %arg1], %cst_0 {in_bounds = [true]} : vector<32xf32>, memref<?x48xf32>
          }
        }
        return
      }
    }
  }
  util.func private @rows_1c3b74043b9bef30(%arg0: tensor<?x96xf32>) -> tensor<?x48xf32> {
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?x96xf32>
    %0 = arith.index_castui %dim : index to i32
    %1 = flow.dispatch @rows_1c3b74043b9bef30_rows::@rows_1c3b74043b9bef30[%dim](%0, %arg0) : (i32, tensor<?x96xf32>{%dim}) -> tensor<?x48xf32>{%dim}
    util.return %1 : tensor<?x48xf32>
  }
}
