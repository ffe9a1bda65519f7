#map = affine_map<(d0, d1) -> (d0)>
#map1 = affine_map<(d0, d1) -> (d0, d1)>
module {
  func.func public @main(%arg0: tensor<?x?xf32>, %arg1: tensor<?xi64>, %arg2: !hal.buffer_view {iree.abi.output = 0 : index}) -> tensor<?x?xf32> {
    %0 = util.call @main_1(%arg0, %arg1) : (tensor<?x?xf32>, tensor<?xi64>) -> tensor<?x?xf32>
    return %0 : tensor<?x?xf32>
  }
  util.func private @main_1(%arg0: tensor<?x?xf32>, %arg1: tensor<?xi64>) -> tensor<?x?xf32> {
    %c0 = arith.constant 0 : index
    %c1 = arith.constant 1 : index
    %c0_i64 = arith.constant 0 : i64
    %dim = tensor.dim %arg1, %c0 : tensor<?xi64>
    %dim_0 = tensor.dim %arg0, %c1 : tensor<?x?xf32>
    %dim_1 = tensor.dim %arg0, %c0 : tensor<?x?xf32>
    %0 = flow.tensor.tie_shape %arg0 : tensor<?x?xf32>{%dim_1, %dim_0}
    %1 = flow.tensor.tie_shape %arg1 : tensor<?xi64>{%dim}
    %dim_2 = tensor.dim %1, %c0 : tensor<?xi64>
    %dim_3 = tensor.dim %0, %c1 : tensor<?x?xf32>
    %2 = tensor.empty(%dim_2, %dim_3) : tensor<?x?xf32>
    %3 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "parallel"]} ins(%1 : tensor<?xi64>) outs(%2 : tensor<?x?xf32>) {
    ^bb0(%in: i64, %out: f32):
      %4 = arith.cmpi slt, %in, %c0_i64 : i64
      %dim_4 = tensor.dim %0, %c0 : tensor<?x?xf32>
      %5 = arith.index_cast %dim_4 : index to i64
      %6 = arith.addi %in, %5 : i64
      %7 = arith.select %4, %6, %in : i64
      %8 = arith.index_cast %7 : i64 to index
      %9 = linalg.index 1 : index
      %extracted = tensor.extract %0[%8, %9] : tensor<?x?xf32>
      linalg.yield %extracted : f32
    } -> tensor<?x?xf32>
    util.return %3 : tensor<?x?xf32>
  }
}
