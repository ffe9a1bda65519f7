#map = affine_map<(d0) -> (d0)>
module {
  func.func public @main(%arg0: tensor<?xf32>, %arg1: tensor<?xf32>, %arg2: !hal.buffer_view {iree.abi.output = 0 : index}) -> tensor<?xf32> {
    %0 = util.call @add_f32(%arg0, %arg1) : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    %1 = call @add_scaled_f32(%0, %arg1) : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    return %1 : tensor<?xf32>
  }
  util.func private @add_f32(%arg0: tensor<?xf32>, %arg1: tensor<?xf32>) -> tensor<?xf32> {
    %0 = arith.addf %arg0, %arg1 : tensor<?xf32>
    util.return %0 : tensor<?xf32>
  }
  func.func private @add_scaled_f32(%arg0: tensor<?xf32>, %arg1: tensor<?xf32>) -> tensor<?xf32> {
    %cst = arith.constant 2.000000e+00 : f32
    %0 = linalg.generic {indexing_maps = [#map, #map, #map], iterator_types = ["parallel"]} ins(%arg0, %arg1 : tensor<?xf32>, tensor<?xf32>) outs(%arg0 : tensor<?xf32>) {
    ^bb0(%in: f32, %in_0: f32, %out: f32):
      %1 = arith.bitcast %in : f32 to f32
      %2 = arith.bitcast %in_0 : f32 to f32
      %3 = arith.mulf %2, %cst : f32
      %4 = arith.addf %1, %3 : f32
      %5 = arith.bitcast %4 : f32 to f32
      linalg.yield %5 : f32
    } -> tensor<?xf32>
    return %0 : tensor<?xf32>
  }
}
