#map = affine_map<(d0, d1) -> (d0, d1)>
module {
  func.func public @main(%arg0: tensor<?x?xf32>, %arg1: tensor<?x?xf32>, %arg2: !hal.buffer_view {iree.abi.output = 0 : index}, %arg3: !hal.buffer_view {iree.abi.output = 1 : index}) -> (tensor<?x?xf32>, tensor<?x?xf32>) {
    %0:2 = util.call @main_1(%arg0, %arg1) : (tensor<?x?xf32>, tensor<?x?xf32>) -> (tensor<?x?xf32>, tensor<?x?xf32>)
    return %0#0, %0#1 : tensor<?x?xf32>, tensor<?x?xf32>
  }
  util.func private @main_1(%arg0: tensor<?x?xf32>, %arg1: tensor<?x?xf32>) -> (tensor<?x?xf32>, tensor<?x?xf32>) {
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?x?xf32>
    %c0_0 = arith.constant 0 : index
    %dim_1 = tensor.dim %arg1, %c0_0 : tensor<?x?xf32>
    %0 = arith.cmpi eq, %dim, %dim_1 : index
    cf.assert %0, "operand 1 dimension 0 must be of the size of operand 0 dimension 0"
    %c1 = arith.constant 1 : index
    %dim_2 = tensor.dim %arg0, %c1 : tensor<?x?xf32>
    %c1_3 = arith.constant 1 : index
    %dim_4 = tensor.dim %arg1, %c1_3 : tensor<?x?xf32>
    %1 = arith.cmpi eq, %dim_2, %dim_4 : index
    cf.assert %1, "operand 1 dimension 1 must be of the size of operand 0 dimension 1"
    %c1_5 = arith.constant 1 : index
    %c0_6 = arith.constant 0 : index
    %cst = arith.constant 0.000000e+00 : f32
    %dim_7 = tensor.dim %arg0, %c1_5 : tensor<?x?xf32>
    %dim_8 = tensor.dim %arg0, %c0_6 : tensor<?x?xf32>
    %2 = flow.tensor.tie_shape %arg0 : tensor<?x?xf32>{%dim_8, %dim_7}
    %3 = flow.tensor.tie_shape %arg1 : tensor<?x?xf32>{%dim_8, %dim_7}
    %dim_9 = tensor.dim %2, %c0_6 : tensor<?x?xf32>
    %dim_10 = tensor.dim %2, %c1_5 : tensor<?x?xf32>
    %4 = tensor.empty(%dim_9, %dim_10) : tensor<?x?xf32>
    %5 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel", "parallel"]} ins(%2, %3 : tensor<?x?xf32>, tensor<?x?xf32>) outs(%4 : tensor<?x?xf32>) {
    ^bb0(%in: f32, %in_13: f32, %out: f32):
      %10 = arith.addf %in, %in_13 : f32
      linalg.yield %10 : f32
    } -> tensor<?x?xf32>
    %dim_11 = tensor.dim %3, %c1_5 : tensor<?x?xf32>
    %dim_12 = tensor.dim %3, %c0_6 : tensor<?x?xf32>
    %6 = tensor.empty(%dim_11, %dim_12) : tensor<?x?xf32>
    %transposed = linalg.transpose ins(%3 : tensor<?x?xf32>) outs(%6 : tensor<?x?xf32>) permutation = [1, 0] 
    %7 = tensor.empty(%dim_9, %dim_12) : tensor<?x?xf32>
    %8 = linalg.fill ins(%cst : f32) outs(%7 : tensor<?x?xf32>) -> tensor<?x?xf32>
    %9 = linalg.matmul ins(%2, %transposed : tensor<?x?xf32>, tensor<?x?xf32>) outs(%8 : tensor<?x?xf32>) -> tensor<?x?xf32>
    util.return %5, %9 : tensor<?x?xf32>, tensor<?x?xf32>
  }
}
