module {
  func.func public @main(%arg0: tensor<6xf32>, %arg1: !hal.buffer_view {iree.abi.output = 0 : index}) -> tensor<6xf32> {
    %expanded = tensor.expand_shape %arg0 [[0, 1]] output_shape [1, 6] : tensor<6xf32> into tensor<1x6xf32>
    %collapsed = tensor.collapse_shape %expanded [[0, 1]] : tensor<1x6xf32> into tensor<6xf32>
    return %collapsed : tensor<6xf32>
  }
}
