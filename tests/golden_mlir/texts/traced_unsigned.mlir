#map = affine_map<(d0) -> (d0)>
module {
  func.func public @main(%arg0: tensor<?xi8>, %arg1: !hal.buffer_view {iree.abi.output = 0 : index}, %arg2: !hal.buffer_view {iree.abi.output = 1 : index}) -> (tensor<?xf32>, tensor<?xi1>) {
    %0:2 = util.call @main_1(%arg0) : (tensor<?xi8>) -> (tensor<?xf32>, tensor<?xi1>)
    return %0#0, %0#1 : tensor<?xf32>, tensor<?xi1>
  }
  util.func private @main_1(%arg0: tensor<?xi8>) -> (tensor<?xf32>, tensor<?xi1>) {
    %c3_i64 = arith.constant 3 : i64
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?xi8>
    %0 = flow.tensor.tie_shape %arg0 : tensor<?xi8>{%dim}
    %dim_0 = tensor.dim %0, %c0 : tensor<?xi8>
    %1 = tensor.empty(%dim_0) : tensor<?xf32>
    %2 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%0 : tensor<?xi8>) outs(%1 : tensor<?xf32>) {
    ^bb0(%in: i8, %out: f32):
      %5 = arith.uitofp %in : i8 to f32
      linalg.yield %5 : f32
    } -> tensor<?xf32>
    %3 = tensor.empty(%dim_0) : tensor<?xi1>
    %4 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%0 : tensor<?xi8>) outs(%3 : tensor<?xi1>) {
    ^bb0(%in: i8, %out: i1):
      %5 = arith.extsi %in : i8 to i64
      %6 = arith.cmpi ugt, %5, %c3_i64 : i64
      linalg.yield %6 : i1
    } -> tensor<?xi1>
    util.return %2, %4 : tensor<?xf32>, tensor<?xi1>
  }
}
