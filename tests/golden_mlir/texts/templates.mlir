module {
  func.func public @main(%arg0: tensor<?xf32>, %arg1: !hal.buffer_view {iree.abi.output = 0 : index}) -> tensor<?xf32> {
    %0 = util.call @double(%arg0) : (tensor<?xf32>) -> tensor<?xf32>
    %1 = util.call @double(%0) : (tensor<?xf32>) -> tensor<?xf32>
    %2 = util.call @double_1(%1) : (tensor<?xf32>) -> tensor<?xf32>
    %cast = tensor.cast %2 : tensor<?xf32> to tensor<6xf32>
    %3 = util.call @other_2(%cast) : (tensor<6xf32>) -> tensor<6xf32>
    %cast_0 = tensor.cast %3 : tensor<6xf32> to tensor<?xf32>
    return %cast_0 : tensor<?xf32>
  }
  util.func private @double(%arg0: tensor<?xf32>) -> tensor<?xf32> {
    %0 = arith.addf %arg0, %arg0 : tensor<?xf32>
    util.return %0 : tensor<?xf32>
  }
  util.func private @other(%arg0: tensor<?xf32>) -> tensor<?xf32> {
    util.return %arg0 : tensor<?xf32>
  }
  util.func private @double_1(%arg0: tensor<?xf32>) -> tensor<?xf32> {
    %0 = arith.mulf %arg0, %arg0 : tensor<?xf32>
    util.return %0 : tensor<?xf32>
  }
  util.func private @other_1(%arg0: tensor<?xf32>) -> tensor<?xf32> {
    util.return %arg0 : tensor<?xf32>
  }
  util.func private @double_2(%arg0: tensor<6xf32>) -> tensor<6xf32> {
    %0 = arith.addf %arg0, %arg0 : tensor<6xf32>
    util.return %0 : tensor<6xf32>
  }
  util.func private @other_2(%arg0: tensor<6xf32>) -> tensor<6xf32> {
    util.return %arg0 : tensor<6xf32>
  }
}
