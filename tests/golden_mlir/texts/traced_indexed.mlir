#map = affine_map<(d0) -> (d0)>
#map1 = affine_map<(d0) -> ()>
#map2 = affine_map<(d0, d1) -> (d0)>
#map3 = affine_map<(d0, d1) -> (d0, d1)>
#map4 = affine_map<(d0, d1) -> (d1)>
module {
  func.func public @main(%arg0: tensor<?x?xf32>, %arg1: tensor<?xi64>, %arg2: !hal.buffer_view {iree.abi.output = 0 : index}, %arg3: !hal.buffer_view {iree.abi.output = 1 : index}) -> (tensor<?x?xf32>, tensor<1x4xi64>) attributes {iree.reflection = {ir_runtime.indices = "[{\22argument\22: \22x1\22, \22of\22: \22traced_indexed\22, \22op\22: \22aten.index\22}]"}} {
    %0:2 = util.call @main_1(%arg0, %arg1) : (tensor<?x?xf32>, tensor<?xi64>) -> (tensor<?x?xf32>, tensor<4xi64>)
    %1 = util.call @ir_runtime_join_reports_b7e4dc44(%0#1) : (tensor<4xi64>) -> tensor<1x4xi64>
    return %0#0, %1 : tensor<?x?xf32>, tensor<1x4xi64>
  }
  util.func private @main_1(%arg0: tensor<?x?xf32>, %arg1: tensor<?xi64>) -> (tensor<?x?xf32>, tensor<4xi64>) {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c0_i64 = arith.constant 0 : i64
    %c2 = arith.constant 2 : index
    %c1_i64 = arith.constant 1 : i64
    %c-9223372036854775808_i64 = arith.constant -9223372036854775808 : i64
    %c9223372036854775807_i64 = arith.constant 9223372036854775807 : i64
    %dim = tensor.dim %arg1, %c0 : tensor<?xi64>
    %dim_0 = tensor.dim %arg0, %c1 : tensor<?x?xf32>
    %dim_1 = tensor.dim %arg0, %c0 : tensor<?x?xf32>
    %0 = flow.tensor.tie_shape %arg0 : tensor<?x?xf32>{%dim_1, %dim_0}
    %1 = flow.tensor.tie_shape %arg1 : tensor<?xi64>{%dim}
    %dim_2 = tensor.dim %0, %c0 : tensor<?x?xf32>
    %2 = arith.index_cast %dim_2 : index to i64
    %3 = arith.cmpi sgt, %2, %c0_i64 : i64
    %dim_3 = tensor.dim %1, %c0 : tensor<?xi64>
    %4 = arith.index_cast %dim_3 : index to i64
    %5 = arith.cmpi eq, %4, %c0_i64 : i64
    %6 = arith.ori %3, %5 : i1
    cf.assert %6, "indices of a dimension without elements: {\22argument\22: \22x1\22, \22of\22: \22traced_indexed\22, \22op\22: \22aten.index\22}"
    %7 = arith.subi %c0_i64, %2 : i64
    %8 = arith.subi %2, %c1_i64 : i64
    %dim_4 = tensor.dim %1, %c0 : tensor<?xi64>
    %9 = tensor.empty(%dim_4) : tensor<?xi64>
    %10 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%1 : tensor<?xi64>) outs(%9 : tensor<?xi64>) {
    ^bb0(%in: i64, %out: i64):
      %19 = arith.cmpi slt, %in, %c0_i64 : i64
      %20 = arith.select %19, %7, %c0_i64 : i64
      %21 = arith.subi %in, %20 : i64
      %22 = arith.minsi %21, %8 : i64
      %23 = arith.maxsi %22, %c0_i64 : i64
      linalg.yield %23 : i64
    } -> tensor<?xi64>
    %11 = tensor.empty() : tensor<i64>
    %12 = linalg.fill ins(%c9223372036854775807_i64 : i64) outs(%11 : tensor<i64>) -> tensor<i64>
    %13 = linalg.fill ins(%c-9223372036854775808_i64 : i64) outs(%11 : tensor<i64>) -> tensor<i64>
    %14:2 = linalg.generic {indexing_maps = [#map, #map1, #map1], iterator_types = ["reduction"]} ins(%1 : tensor<?xi64>) outs(%12, %13 : tensor<i64>, tensor<i64>) {
    ^bb0(%in: i64, %out: i64, %out_7: i64):
      %19 = arith.minsi %in, %out : i64
      %20 = arith.maxsi %in, %out_7 : i64
      linalg.yield %19, %20 : i64, i64
    } -> (tensor<i64>, tensor<i64>)
    %15 = tensor.empty() : tensor<4xi64>
    %16 = linalg.generic {indexing_maps = [#map1, #map1, #map], iterator_types = ["parallel"]} ins(%14#0, %14#1 : tensor<i64>, tensor<i64>) outs(%15 : tensor<4xi64>) {
    ^bb0(%in: i64, %in_7: i64, %out: i64):
      %19 = linalg.index 0 : index
      %20 = arith.cmpi eq, %19, %c0 : index
      %21 = arith.cmpi eq, %19, %c1 : index
      %22 = arith.cmpi eq, %19, %c2 : index
      %23 = arith.select %22, %7, %2 : i64
      %24 = arith.select %21, %in_7, %23 : i64
      %25 = arith.select %20, %in, %24 : i64
      linalg.yield %25 : i64
    } -> tensor<4xi64>
    %dim_5 = tensor.dim %10, %c0 : tensor<?xi64>
    %dim_6 = tensor.dim %0, %c1 : tensor<?x?xf32>
    %17 = tensor.empty(%dim_5, %dim_6) : tensor<?x?xf32>
    %18 = linalg.generic {indexing_maps = [#map2, #map3], iterator_types = ["parallel", "parallel"]} ins(%10 : tensor<?xi64>) outs(%17 : tensor<?x?xf32>) {
    ^bb0(%in: i64, %out: f32):
      %19 = arith.cmpi slt, %in, %c0_i64 : i64
      %20 = arith.addi %in, %2 : i64
      %21 = arith.select %19, %20, %in : i64
      %22 = arith.index_cast %21 : i64 to index
      %23 = linalg.index 1 : index
      %extracted = tensor.extract %0[%22, %23] : tensor<?x?xf32>
      linalg.yield %extracted : f32
    } -> tensor<?x?xf32>
    util.return %18, %16 : tensor<?x?xf32>, tensor<4xi64>
  }
  util.func private @ir_runtime_index_report_e9d7501a(%arg0: tensor<4xi64>)
  util.func private @ir_runtime_join_reports_b7e4dc44(%arg0: tensor<4xi64>) -> tensor<1x4xi64> {
    %0 = tensor.empty() : tensor<1x4xi64>
    %1 = linalg.generic {indexing_maps = [#map4, #map3], iterator_types = ["parallel", "parallel"]} ins(%arg0 : tensor<4xi64>) outs(%0 : tensor<1x4xi64>) {
    ^bb0(%in: i64, %out: i64):
      %2 = linalg.index 0 : index
      linalg.yield %in : i64
    } -> tensor<1x4xi64>
    util.return %1 : tensor<1x4xi64>
  }
}
