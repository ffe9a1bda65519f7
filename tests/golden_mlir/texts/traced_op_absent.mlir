#map = affine_map<(d0, d1) -> (d0, d1)>
#map1 = affine_map<(d0, d1) -> (d0, 0)>
module {
  func.func public @main(%arg0: tensor<?x8xbf16>, %arg1: !hal.buffer_view {iree.abi.output = 0 : index}) -> tensor<?x8xbf16> {
    %0 = util.call @main_1(%arg0) : (tensor<?x8xbf16>) -> tensor<?x8xbf16>
    return %0 : tensor<?x8xbf16>
  }
  util.func private @main_1(%arg0: tensor<?x8xbf16>) -> tensor<?x8xbf16> {
    %cst = arith.constant 9.9999999999999995E-7 : f64
    %c2_i64 = arith.constant 2 : i64
    %c0 = arith.constant 0 : index
    %cst_0 = arith.constant 0.000000e+00 : f64
    %cst_1 = arith.constant 8.000000e+00 : f64
    %dim = tensor.dim %arg0, %c0 : tensor<?x8xbf16>
    %0 = flow.tensor.tie_shape %arg0 : tensor<?x8xbf16>{%dim}
    %dim_2 = tensor.dim %0, %c0 : tensor<?x8xbf16>
    %1 = tensor.empty(%dim_2) : tensor<?x8xf32>
    %2 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%0 : tensor<?x8xbf16>) outs(%1 : tensor<?x8xf32>) {
    ^bb0(%in: bf16, %out: f32):
      %18 = arith.extf %in : bf16 to f32
      linalg.yield %18 : f32
    } -> tensor<?x8xf32>
    %3 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%2 : tensor<?x8xf32>) outs(%1 : tensor<?x8xf32>) {
    ^bb0(%in: f32, %out: f32):
      %18 = math.fpowi %in, %c2_i64 : f32, i64
      linalg.yield %18 : f32
    } -> tensor<?x8xf32>
    %4 = tensor.empty(%dim_2) : tensor<?x8xf64>
    %5 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%3 : tensor<?x8xf32>) outs(%4 : tensor<?x8xf64>) {
    ^bb0(%in: f32, %out: f64):
      %18 = arith.extf %in : f32 to f64
      linalg.yield %18 : f64
    } -> tensor<?x8xf64>
    %6 = tensor.empty(%dim_2) : tensor<?x1xf64>
    %7 = linalg.fill ins(%cst_0 : f64) outs(%6 : tensor<?x1xf64>) -> tensor<?x1xf64>
    %8 = linalg.generic {indexing_maps = [#map, #map1], iterator_types = ["parallel", "reduction"]} ins(%5 : tensor<?x8xf64>) outs(%7 : tensor<?x1xf64>) {
    ^bb0(%in: f64, %out: f64):
      %18 = arith.addf %in, %out : f64
      linalg.yield %18 : f64
    } -> tensor<?x1xf64>
    %9 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%8 : tensor<?x1xf64>) outs(%6 : tensor<?x1xf64>) {
    ^bb0(%in: f64, %out: f64):
      %18 = arith.divf %in, %cst_1 : f64
      linalg.yield %18 : f64
    } -> tensor<?x1xf64>
    %10 = tensor.empty(%dim_2) : tensor<?x1xf32>
    %11 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%9 : tensor<?x1xf64>) outs(%10 : tensor<?x1xf32>) {
    ^bb0(%in: f64, %out: f32):
      %18 = arith.truncf %in : f64 to f32
      linalg.yield %18 : f32
    } -> tensor<?x1xf32>
    %12 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%11 : tensor<?x1xf32>) outs(%10 : tensor<?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %18 = arith.truncf %cst : f64 to f32
      %19 = arith.addf %in, %18 : f32
      linalg.yield %19 : f32
    } -> tensor<?x1xf32>
    %13 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%12 : tensor<?x1xf32>) outs(%10 : tensor<?x1xf32>) {
    ^bb0(%in: f32, %out: f32):
      %18 = math.rsqrt %in : f32
      linalg.yield %18 : f32
    } -> tensor<?x1xf32>
    %14 = tensor.empty(%dim_2) : tensor<?x1xbf16>
    %15 = linalg.generic {indexing_maps = [#map, #map], iterator_types = ["parallel", "parallel"]} ins(%13 : tensor<?x1xf32>) outs(%14 : tensor<?x1xbf16>) {
    ^bb0(%in: f32, %out: bf16):
      %18 = arith.truncf %in : f32 to bf16
      linalg.yield %18 : bf16
    } -> tensor<?x1xbf16>
    %16 = tensor.empty(%dim_2) : tensor<?x8xbf16>
    %17 = linalg.generic {indexing_maps = [#map, #map1, #map], iterator_types = ["parallel", "parallel"]} ins(%0, %15 : tensor<?x8xbf16>, tensor<?x1xbf16>) outs(%16 : tensor<?x8xbf16>) {
    ^bb0(%in: bf16, %in_3: bf16, %out: bf16):
      %18 = arith.mulf %in, %in_3 : bf16
      linalg.yield %18 : bf16
    } -> tensor<?x8xbf16>
    util.return %17 : tensor<?x8xbf16>
  }
}
