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
      %7 = arith.uitofp %in : i8 to f32
      linalg.yield %7 : f32
    } -> tensor<?xf32>
    %3 = tensor.empty(%dim_0) : tensor<?xi32>
    %4 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%0 : tensor<?xi8>) outs(%3 : tensor<?xi32>) {
    ^bb0(%in: i8, %out: i32):
      %7 = arith.extui %in : i8 to i32
      linalg.yield %7 : i32
    } -> tensor<?xi32>
    %5 = tensor.empty(%dim_0) : tensor<?xi1>
    %6 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%4 : tensor<?xi32>) outs(%5 : tensor<?xi1>) {
    ^bb0(%in: i32, %out: i1):
      %7 = arith.extsi %in : i32 to i64
      %8 = arith.cmpi sgt, %7, %c3_i64 : i64
      linalg.yield %8 : i1
    } -> tensor<?xi1>
    util.return %2, %6 : tensor<?xf32>, tensor<?xi1>
  }
}
