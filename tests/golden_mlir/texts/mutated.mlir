module {
  func.func public @main(%arg0: tensor<?xf32>, %arg1: tensor<?xf32>, %arg2: tensor<?x?xf32>, %arg3: tensor<?x?xf32>, %arg4: !hal.buffer_view {iree.abi.output = 0 : index}, %arg5: !hal.buffer_view {iree.abi.output = 1 : index}, %arg6: !hal.buffer_view {iree.abi.output = 2 : index}, %arg7: !hal.buffer_view {iree.abi.output = 3 : index}) -> (tensor<?xf32>, tensor<?xf32>, tensor<?x?xf32>, tensor<?x?xf32>) {
    return %arg1, %arg0, %arg3, %arg2 : tensor<?xf32>, tensor<?xf32>, tensor<?x?xf32>, tensor<?x?xf32>
  }
}
