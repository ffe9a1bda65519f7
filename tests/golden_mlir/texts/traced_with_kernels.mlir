#map = affine_map<(d0) -> (d0)>
module {
  func.func public @main(%arg0: tensor<?xf32>, %arg1: tensor<?xf32>, %arg2: !hal.buffer_view {iree.abi.output = 0 : index}) -> tensor<?xf32> {
    %0 = util.call @main_1(%arg0, %arg1) : (tensor<?xf32>, tensor<?xf32>) -> tensor<?xf32>
    return %0 : tensor<?xf32>
  }
  util.func private @main_1(%arg0: tensor<?xf32>, %arg1: tensor<?xf32>) -> tensor<?xf32> {
    %c0 = arith.constant 0 : index
    %dim = tensor.dim %arg0, %c0 : tensor<?xf32>
    %c0_0 = arith.constant 0 : index
    %dim_1 = tensor.dim %arg1, %c0_0 : tensor<?xf32>
    %0 = arith.cmpi eq, %dim, %dim_1 : index
    cf.assert %0, "operand 1 dimension 0 must be of the size of operand 0 dimension 0"
    %c0_2 = arith.constant 0 : index
    %cst = arith.constant 2.000000e+00 : f32
    %dim_3 = tensor.dim %arg0, %c0_2 : tensor<?xf32>
    %1 = flow.tensor.tie_shape %arg0 : tensor<?xf32>{%dim_3}
    %2 = flow.tensor.tie_shape %arg1 : tensor<?xf32>{%dim_3}
    %3 = arith.addf %1, %2 : tensor<?xf32>
    %dim_4 = tensor.dim %3, %c0_2 : tensor<?xf32>
    %4 = tensor.empty(%dim_4) : tensor<?xf32>
    %5 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel"]} ins(%3 : tensor<?xf32>) outs(%4 : tensor<?xf32>) {
    ^bb0(%in: f32, %out: f32):
      %6 = arith.mulf %in, %cst : f32
      linalg.yield %6 : f32
    } -> tensor<?xf32>
    util.return %5 : tensor<?xf32>
  }
}
