module {
  func.func public @main(%arg0: tensor<?x?xf32>, %arg1: !hal.buffer_view {iree.abi.output = 0 : index}) -> tensor<?x?xf32> attributes {preprocessing_pipeline = #util.preprocessing_pipeline<"iree-preprocessing-make-single-dispatch">} {
    return %arg0 : tensor<?x?xf32>
  }
}
