#map = affine_map<(d0) -> (d0)>
#map1 = affine_map<(d0) -> ()>
#map2 = affine_map<(d0, d1) -> (d1)>
#map3 = affine_map<(d0, d1) -> (d0, d1)>
#pipeline_layout = #hal.pipeline.layout<constants = 1, bindings = [#hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer, ReadOnly>, #hal.pipeline.binding<storage_buffer>]>
module {
  func.func public @main(%arg0: tensor<?xi64>, %arg1: tensor<?x48xf32>, %arg2: tensor<?x12xf32>, %arg3: !hal.buffer_view {iree.abi.output = 0 : index}, %arg4: !hal.buffer_view {iree.abi.output = 1 : index}) -> (tensor<?x48xf32>, tensor<1x4xi64>) attributes {iree.reflection = {ir_runtime.indices = "[{\22argument\22: \22positions\22, \22of\22: \22rotary_embedding\22, \22op\22: \22rotary_embedding\22}]"}} {
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg1, %c0 : tensor<?x48xf32>
    %c0_0 = arith.constant 0 : index
    %dim_1 = tensor.dim %arg0, %c0_0 : tensor<?xi64>
    %0 = arith.cmpi eq, %dim, %dim_1 : index
    cf.assert %0, "rotary_embedding: dimension 0 of `positions` must be equal to dimension 0 of `query`"
    %c0_2 = arith.constant 0 : index
    %dim_3 = tensor.dim %arg2, %c0_2 : tensor<?x12xf32>
    %1 = arith.index_cast %dim_3 : index to i64
    %c0_i64 = arith.constant 0 : i64
    %2 = arith.cmpi sgt, %1, %c0_i64 : i64
    %c0_4 = arith.constant 0 : index
    %dim_5 = tensor.dim %arg0, %c0_4 : tensor<?xi64>
    %3 = arith.index_cast %dim_5 : index to i64
    %4 = arith.cmpi eq, %3, %c0_i64 : i64
    %5 = arith.ori %2, %4 : i1
    cf.assert %5, "indices of a dimension without elements: {\22argument\22: \22positions\22, \22of\22: \22rotary_embedding\22, \22op\22: \22rotary_embedding\22}"
    %c0_i64_6 = arith.constant 0 : i64
    %6:2 = util.call @ir_runtime_check_index_8e5b8005(%arg0, %1, %c0_i64_6) : (tensor<?xi64>, i64, i64) -> (tensor<?xi64>, tensor<4xi64>)
    %7 = util.call @ir_runtime_join_reports_b7e4dc44(%6#1) : (tensor<4xi64>) -> tensor<1x4xi64>
    %8 = util.call @rows_5e51445003ce6391(%arg1, %arg2, %6#0) : (tensor<?x48xf32>, tensor<?x12xf32>, tensor<?xi64>) -> tensor<?x48xf32>
    return %8, %7 : tensor<?x48xf32>, tensor<1x4xi64>
  }
  util.func private @ir_runtime_check_index_8e5b8005(%arg0: tensor<?xi64>, %arg1: i64, %arg2: i64) -> (tensor<?xi64>, tensor<4xi64>) {
    %c0_i64 = arith.constant 0 : i64
    %c1_i64 = arith.constant 1 : i64
    %c-9223372036854775808_i64 = arith.constant -9223372036854775808 : i64
    %c9223372036854775807_i64 = arith.constant 9223372036854775807 : i64
    %0 = arith.subi %arg1, %c1_i64 : i64
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?xi64>
    %1 = tensor.empty(%dim) : tensor<?xi64>
    %2 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%arg0 : tensor<?xi64>) outs(%1 : tensor<?xi64>) {
    ^bb0(%in: i64, %out: i64):
      %9 = arith.addi %in, %c0_i64 : i64
      %10 = arith.cmpi slt, %9, %c0_i64 : i64
      %11 = arith.select %10, %arg2, %c0_i64 : i64
      %12 = arith.subi %9, %11 : i64
      %13 = arith.minsi %12, %0 : i64
      %14 = arith.maxsi %13, %c0_i64 : i64
      %15 = arith.addi %14, %c0_i64 : i64
      linalg.yield %15 : i64
    } -> tensor<?xi64>
    %3 = tensor.empty() : tensor<i64>
    %4 = linalg.fill ins(%c9223372036854775807_i64 : i64) outs(%3 : tensor<i64>) -> tensor<i64>
    %5 = linalg.fill ins(%c-9223372036854775808_i64 : i64) outs(%3 : tensor<i64>) -> tensor<i64>
    %6:2 = linalg.generic {indexing_maps = [#map, #map1, #map1], iterator_types = ["reduction"]} ins(%arg0 : tensor<?xi64>) outs(%4, %5 : tensor<i64>, tensor<i64>) {
    ^bb0(%in: i64, %out: i64, %out_0: i64):
      %9 = arith.addi %in, %c0_i64 : i64
      %10 = arith.minsi %9, %out : i64
      %11 = arith.maxsi %9, %out_0 : i64
      linalg.yield %10, %11 : i64, i64
    } -> (tensor<i64>, tensor<i64>)
    %7 = tensor.empty() : tensor<4xi64>
    %8 = linalg.generic {indexing_maps = [#map1, #map1, #map], iterator_types = ["parallel"]} ins(%6#0, %6#1 : tensor<i64>, tensor<i64>) outs(%7 : tensor<4xi64>) {
    ^bb0(%in: i64, %in_0: i64, %out: i64):
      %9 = linalg.index 0 : index
      %c0_1 = arith.constant 0 : index
      %c1 = arith.constant 1 : index
      %c2 = arith.constant 2 : index
      %10 = arith.cmpi eq, %9, %c0_1 : index
      %11 = arith.cmpi eq, %9, %c1 : index
      %12 = arith.cmpi eq, %9, %c2 : index
      %13 = arith.select %12, %arg2, %arg1 : i64
      %14 = arith.select %11, %in_0, %13 : i64
      %15 = arith.select %10, %in, %14 : i64
      linalg.yield %15 : i64
    } -> tensor<4xi64>
    util.return %2, %8 : tensor<?xi64>, tensor<4xi64>
  }
  hal.executable.source private @rows_5e51445003ce6391_rows {
    hal.executable.export public @rows_5e51445003ce6391 ordinal(0) layout(#pipeline_layout) count(%arg0: !hal.device, %arg1: index) -> (index, index, index) {
      %c1 = arith.constant 1 : index
      %c16 = arith.constant 16 : index
      %0 = arith.ceildivui %arg1, %c16 : index
      hal.return %0, %c1, %c1 : index, index, index
    } attributes {ir_runtime.read = 3 : i64, ir_runtime.written_over = array<i64: 0, 3>}
    builtin.module {
      func.func @rows_5e51445003ce6391() {
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
        %6 = hal.interface.binding.subspan layout(#pipeline_layout) binding(1) offset(%c0) : memref<?x12xf32>{%1}
        %7 = hal.interface.binding.subspan layout(#pipeline_layout) binding(2) offset(%c0) : memref<?xi64>{%1}
        %8 = hal.interface.binding.subspan layout(#pipeline_layout) binding(3) offset(%c0) : memref<?x48xf32>{%1}
        scf.for %arg0 = %2 to %4 step %c1 {
          %c1_0 = arith.constant 1 : index
          %c4 = arith.constant 4 : index
          scf.for %arg1 = %c0 to %c4 step %c1_0 {
            %c6 = arith.constant 6 : index
            %cst = arith.constant dense<[true, true, true, true, true, true, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false, false]> : vector<32xi1>
            %c12 = arith.constant 12 : index
            %9 = arith.muli %arg1, %c12 : index
            %cst_1 = arith.constant 0.000000e+00 : f32
            %10 = memref.load %7[%arg0] : memref<?xi64>
            %11 = arith.index_cast %10 : i64 to index
            %12 = arith.addi %9, %c6 : index
            %c32 = arith.constant 32 : index
            scf.for %arg2 = %c0 to %c6 step %c32 {
              %13 = arith.addi %arg2, %9 : index
              %14 = vector.transfer_read %5[%arg0, %13], %cst_1, %cst {in_bounds = [true]} : memref<?x48xf32>, vector<32xf32>
              %15 = vector.transfer_read %6[%11, %arg2], %cst_1, %cst {in_bounds = [true]} : memref<?x12xf32>, vector<32xf32>
              %16 = arith.mulf %14, %15 : vector<32xf32>
              %17 = arith.addi %arg2, %12 : index
              %18 = vector.transfer_read %5[%arg0, %17], %cst_1, %cst {in_bounds = [true]} : memref<?x48xf32>, vector<32xf32>
              %19 = arith.addi %arg2, %c6 : index
              %20 = vector.transfer_read %6[%11, %19], %cst_1, %cst {in_bounds = [true]} : memref<?x12xf32>, vector<32xf32>
              %21 = arith.mulf %18, %20 : vector<32xf32>
              %22 = arith.subf %16, %21 : vector<32xf32>
              %23 = arith.mulf %18, %15 : vector<32xf32>
              %24 = arith.mulf %14, %20 : vector<32xf32>
              %25 = arith.addf %23, %24 : vector<32xf32>
              vector.transfer_write %22, %8[%arg0, %13], %cst {in_bounds = [true]} : vector<32xf32>, memref<?x48xf32>
              vector.transfer_write %25, %8[%arg0, %17], %cst {in_bounds = [true]} : vector<32xf32>, memref<?x48xf32>
            }
          }
        }
        return
      }
    }
  }
  util.func private @rows_5e51445003ce6391(%arg0: tensor<?x48xf32>, %arg1: tensor<?x12xf32>, %arg2: tensor<?xi64>) -> tensor<?x48xf32> {
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?x48xf32>
    %dim_0 = tensor.dim %arg1, %c0 : tensor<?x12xf32>
    %0 = arith.index_castui %dim : index to i32
    %1 = flow.dispatch @rows_5e51445003ce6391_rows::@rows_5e51445003ce6391[%dim](%0, %arg0, %arg1, %arg2) : (i32, tensor<?x48xf32>{%dim}, tensor<?x12xf32>{%dim_0}, tensor<?xi64>{%dim}) -> tensor<?x48xf32>{%dim}
    util.return %1 : tensor<?x48xf32>
  }
  util.func private @ir_runtime_join_reports_b7e4dc44(%arg0: tensor<4xi64>) -> tensor<1x4xi64> {
    %0 = tensor.empty() : tensor<1x4xi64>
    %1 = linalg.generic {indexing_maps = [#map2, #map3], iterator_types = ["parallel", "parallel"]} ins(%arg0 : tensor<4xi64>) outs(%0 : tensor<1x4xi64>) {
    ^bb0(%in: i64, %out: i64):
      %2 = linalg.index 0 : index
      linalg.yield %in : i64
    } -> tensor<1x4xi64>
    util.return %1 : tensor<1x4xi64>
  }
}
