module {
  func.func public @main(%arg0: tensor<?x?x?x8xf32>, %arg1: !hal.buffer_view {iree.abi.output = 0 : index}) -> tensor<?x?x?x8xf32> {
    %collapsed = tensor.collapse_shape %arg0 [[0, 1, 2], [3]] : tensor<?x?x?x8xf32> into tensor<?x8xf32>
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?x?x?x8xf32>
    %c1 = arith.constant 1 : index
    %dim_0 = tensor.dim %arg0, %c1 : tensor<?x?x?x8xf32>
    %c2 = arith.constant 2 : index
    %dim_1 = tensor.dim %arg0, %c2 : tensor<?x?x?x8xf32>
    %expanded = tensor.expand_shape %collapsed [[0, 1, 2], [3]] output_shape [%dim, %dim_0, %dim_1, 8] : tensor<?x8xf32> into tensor<?x?x?x8xf32>
    return %expanded : tensor<?x?x?x8xf32>
  }
}
