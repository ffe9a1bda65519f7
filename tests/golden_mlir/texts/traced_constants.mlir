#map = affine_map<(d0, d1) -> (d0, d1)>
#map1 = affine_map<(d0, d1) -> (d1)>
module {
  func.func public @main(%arg0: tensor<5x8xbf16>, %arg1: !hal.buffer_view {iree.abi.output = 0 : index}) -> tensor<5x8xbf16> {
    %0 = util.call @main_1(%arg0) : (tensor<5x8xbf16>) -> tensor<5x8xbf16>
    return %0 : tensor<5x8xbf16>
  }
  util.func private @main_1(%arg0: tensor<5x8xbf16>) -> tensor<5x8xbf16> {
    %cst = arith.constant dense<[0.000000e+00, 1.000000e+00, 2.000000e+00, 3.000000e+00, 4.000000e+00, 5.000000e+00, 6.000000e+00, 7.000000e+00]> : tensor<8xbf16>
    %0 = tensor.empty() : tensor<5x8xbf16>
    %1 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel"]} ins(%arg0, %cst : tensor<5x8xbf16>, tensor<8xbf16>) outs(%0 : tensor<5x8xbf16>) {
    ^bb0(%in: bf16, %in_0: bf16, %out: bf16):
      %2 = arith.addf %in, %in_0 : bf16
      linalg.yield %2 : bf16
    } -> tensor<5x8xbf16>
    util.return %1 : tensor<5x8xbf16>
  }
}
