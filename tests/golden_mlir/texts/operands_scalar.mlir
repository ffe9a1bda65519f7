module {
  func.func public @main(%arg0: tensor<f32>, %arg1: tensor<1x1xf32>, %arg2: i64, %arg3: !hal.buffer_view {iree.abi.output = 0 : index}, %arg4: !hal.buffer_view {iree.abi.output = 1 : index}, %arg5: !hal.buffer_view {iree.abi.output = 2 : index}) -> (tensor<f32>, tensor<?x?xf32>, tensor<i64>) {
    %from_elements = tensor.from_elements %arg2 : tensor<i64>
    %cast = tensor.cast %arg1 : tensor<1x1xf32> to tensor<?x?xf32>
    return %arg0, %cast, %from_elements : tensor<f32>, tensor<?x?xf32>, tensor<i64>
  }
}
