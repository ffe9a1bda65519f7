#map = affine_map<(d0) -> (d0)>
#map1 = affine_map<(d0) -> ()>
#map2 = affine_map<(d0, d1) -> (d1)>
#map3 = affine_map<(d0, d1) -> (d0, d1)>
module {
  func.func public @main(%arg0: tensor<?xf32>, %arg1: tensor<?xi64>, %arg2: !hal.buffer_view {iree.abi.output = 0 : index}, %arg3: !hal.buffer_view {iree.abi.output = 1 : index}) -> (tensor<?xf32>, tensor<1x4xi64>) attributes {iree.reflection = {ir_runtime.indices = "[{\22argument\22: \22x1\22, \22of\22: \22traced_read\22, \22op\22: \22aten.index\22}]"}} {
    %0:2 = util.call @main_1(%arg0, %arg1) : (tensor<?xf32>, tensor<?xi64>) -> (tensor<?xf32>, tensor<4xi64>)
    %1 = util.call @ir_runtime_join_reports_b7e4dc44(%0#1) : (tensor<4xi64>) -> tensor<1x4xi64>
    return %0#0, %1 : tensor<?xf32>, tensor<1x4xi64>
  }
  util.func private @main_1(%arg0: tensor<?xf32>, %arg1: tensor<?xi64>) -> (tensor<?xf32>, tensor<4xi64>) {
    %c0 = arith.constant 0 : index
    %c0_i64 = arith.constant 0 : i64
    %c2 = arith.constant 2 : index
    %c1 = arith.constant 1 : index
    %c9223372036854775807_i64 = arith.constant 9223372036854775807 : i64
    %c-9223372036854775808_i64 = arith.constant -9223372036854775808 : i64
    %c4096 = arith.constant 4096 : index
    %dim = tensor.dim %arg1, %c0 : tensor<?xi64>
    %dim_0 = tensor.dim %arg0, %c0 : tensor<?xf32>
    %0 = flow.tensor.tie_shape %arg0 : tensor<?xf32>{%dim_0}
    %1 = flow.tensor.tie_shape %arg1 : tensor<?xi64>{%dim}
    %dim_1 = tensor.dim %0, %c0 : tensor<?xf32>
    %2 = arith.index_cast %dim_1 : index to i64
    %3 = arith.cmpi sgt, %2, %c0_i64 : i64
    %dim_2 = tensor.dim %1, %c0 : tensor<?xi64>
    %4 = arith.index_cast %dim_2 : index to i64
    %5 = arith.cmpi eq, %4, %c0_i64 : i64
    %6 = arith.ori %3, %5 : i1
    cf.assert %6, "indices of a dimension without elements: {\22argument\22: \22x1\22, \22of\22: \22traced_read\22, \22op\22: \22aten.index\22}"
    %7 = arith.subi %c0_i64, %2 : i64
    %dim_3 = tensor.dim %0, %c0 : tensor<?xf32>
    %dim_4 = tensor.dim %1, %c0 : tensor<?xi64>
    %8 = arith.ceildivui %dim_4, %c4096 : index
    %9:3 = flow.dispatch.workgroups[%dim_4](%1, %0, %2, %7, %dim_4, %dim_3, %8) : (tensor<?xi64>{%dim_4}, tensor<?xf32>{%dim_3}, i64, i64, index, index, index) -> (tensor<?xf32>{%dim_4}, tensor<?xi64>{%8}, tensor<?xi64>{%8}) =
        (%arg2: !iree_tensor_ext.dispatch.tensor<readonly:tensor<?xi64>>, %arg3: !iree_tensor_ext.dispatch.tensor<readonly:tensor<?xf32>>, %arg4: i64, %arg5: i64, %arg6: index, %arg7: index, %arg8: index, %arg9: !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?xf32>>, %arg10: !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?xi64>>, %arg11: !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?xi64>>) {
      %cst = arith.constant dense<0> : vector<16xi64>
      %cst_5 = arith.constant dense<-9223372036854775808> : vector<16xi64>
      %cst_6 = arith.constant dense<9223372036854775807> : vector<16xi64>
      %cst_7 = arith.constant dense<0.000000e+00> : vector<16xf32>
      %cst_8 = arith.constant dense<true> : vector<16xi1>
      %c0_9 = arith.constant 0 : index
      %c16 = arith.constant 16 : index
      %c4096_10 = arith.constant 4096 : index
      %c1_i64 = arith.constant 1 : i64
      %16 = arith.subi %arg4, %c1_i64 : i64
      %17 = vector.broadcast %16 : i64 to vector<16xi64>
      %18 = vector.broadcast %arg5 : i64 to vector<16xi64>
      %workgroup_id_0 = flow.dispatch.workgroup.id[0] : index
      %19 = arith.muli %workgroup_id_0, %c4096_10 : index
      %20 = arith.subi %arg6, %19 : index
      %21 = arith.minui %20, %c4096_10 : index
      %22 = iree_tensor_ext.dispatch.tensor.load %arg3, offsets = [0], sizes = [%arg7], strides = [1] : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?xf32>>{%arg7} -> tensor<?xf32>
      %23 = iree_tensor_ext.dispatch.tensor.load %arg2, offsets = [%19], sizes = [%21], strides = [1] : !iree_tensor_ext.dispatch.tensor<readonly:tensor<?xi64>>{%arg6} -> tensor<?xi64>
      %extracted = tensor.extract %23[%c0_9] : tensor<?xi64>
      %24 = tensor.empty(%21) : tensor<?xf32>
      %25:3 = scf.for %arg12 = %c0_9 to %21 step %c16 iter_args(%arg13 = %24, %arg14 = %cst_6, %arg15 = %cst_5) -> (tensor<?xf32>, vector<16xi64>, vector<16xi64>) {
        %28 = vector.transfer_read %23[%arg12], %extracted : tensor<?xi64>, vector<16xi64>
        %29 = arith.cmpi slt, %28, %cst : vector<16xi64>
        %30 = arith.select %29, %18, %cst : vector<16xi1>, vector<16xi64>
        %31 = arith.subi %28, %30 : vector<16xi64>
        %32 = arith.minsi %31, %17 : vector<16xi64>
        %33 = arith.maxsi %32, %cst : vector<16xi64>
        %34 = arith.index_cast %33 : vector<16xi64> to vector<16xindex>
        %35 = vector.gather %22[%c0_9] [%34], %cst_8, %cst_7 : tensor<?xf32>, vector<16xindex>, vector<16xi1>, vector<16xf32> into vector<16xf32>
        %36 = vector.transfer_write %35, %arg13[%arg12] : vector<16xf32>, tensor<?xf32>
        %37 = arith.minsi %28, %arg14 : vector<16xi64>
        %38 = arith.maxsi %28, %arg15 : vector<16xi64>
        scf.yield %36, %37, %38 : tensor<?xf32>, vector<16xi64>, vector<16xi64>
      }
      %26 = vector.reduction <minsi>, %25#1 : vector<16xi64> into i64
      %27 = vector.reduction <maxsi>, %25#2 : vector<16xi64> into i64
      %from_elements = tensor.from_elements %26 : tensor<1xi64>
      %from_elements_11 = tensor.from_elements %27 : tensor<1xi64>
      iree_tensor_ext.dispatch.tensor.store %25#0, %arg9, offsets = [%19], sizes = [%21], strides = [1] : tensor<?xf32> -> !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?xf32>>{%arg6}
      iree_tensor_ext.dispatch.tensor.store %from_elements, %arg10, offsets = [%workgroup_id_0], sizes = [1], strides = [1] : tensor<1xi64> -> !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?xi64>>{%arg8}
      iree_tensor_ext.dispatch.tensor.store %from_elements_11, %arg11, offsets = [%workgroup_id_0], sizes = [1], strides = [1] : tensor<1xi64> -> !iree_tensor_ext.dispatch.tensor<writeonly:tensor<?xi64>>{%arg8}
      flow.return
    } count(%arg2: index) -> (index, index, index) {
      %c1_5 = arith.constant 1 : index
      %c4096_6 = arith.constant 4096 : index
      %16 = arith.ceildivui %arg2, %c4096_6 : index
      flow.return %16, %c1_5, %c1_5 : index, index, index
    }
    %10 = tensor.empty() : tensor<i64>
    %11 = linalg.fill ins(%c9223372036854775807_i64 : i64) outs(%10 : tensor<i64>) -> tensor<i64>
    %12 = linalg.fill ins(%c-9223372036854775808_i64 : i64) outs(%10 : tensor<i64>) -> tensor<i64>
    %13:2 = linalg.generic {indexing_maps = [#map, #map, #map1, #map1], iterator_types = ["reduction"]} ins(%9#1, %9#2 : tensor<?xi64>, tensor<?xi64>) outs(%11, %12 : tensor<i64>, tensor<i64>) {
    ^bb0(%in: i64, %in_5: i64, %out: i64, %out_6: i64):
      %16 = arith.minsi %in, %out : i64
      %17 = arith.maxsi %in_5, %out_6 : i64
      linalg.yield %16, %17 : i64, i64
    } -> (tensor<i64>, tensor<i64>)
    %14 = tensor.empty() : tensor<4xi64>
    %15 = linalg.generic {indexing_maps = [#map1, #map1, #map], iterator_types = ["parallel"]} ins(%13#0, %13#1 : tensor<i64>, tensor<i64>) outs(%14 : tensor<4xi64>) {
    ^bb0(%in: i64, %in_5: i64, %out: i64):
      %16 = linalg.index 0 : index
      %17 = arith.cmpi eq, %16, %c0 : index
      %18 = arith.cmpi eq, %16, %c1 : index
      %19 = arith.cmpi eq, %16, %c2 : index
      %20 = arith.select %19, %7, %2 : i64
      %21 = arith.select %18, %in_5, %20 : i64
      %22 = arith.select %17, %in, %21 : i64
      linalg.yield %22 : i64
    } -> tensor<4xi64>
    util.return %9#0, %15 : tensor<?xf32>, tensor<4xi64>
  }
  util.func private @ir_runtime_index_report_e9d7501a(%arg0: tensor<4xi64>)
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
