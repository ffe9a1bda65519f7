module {
  func.func public @main(%arg0: tensor<?x8xf32>, %arg1: tensor<2xf32>, %arg2: tensor<?xf32>, %arg3: i64, %arg4: !hal.buffer_view {iree.abi.output = 0 : index}, %arg5: !hal.buffer_view {iree.abi.output = 1 : index}, %arg6: !hal.buffer_view {iree.abi.output = 2 : index}, %arg7: !hal.buffer_view {iree.abi.output = 3 : index}) -> (tensor<?x?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<i64>) {
    %from_elements = tensor.from_elements %arg3 : tensor<i64>
    %cast = tensor.cast %arg0 : tensor<?x8xf32> to tensor<?x?xf32>
    %cast_0 = tensor.cast %arg1 : tensor<2xf32> to tensor<?xf32>
    return %cast, %cast_0, %arg2, %from_elements : tensor<?x?xf32>, tensor<?xf32>, tensor<?xf32>, tensor<i64>
  }
}
