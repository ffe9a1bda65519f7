// y = x w^T + b: rows of x times rows of w. Parameters: !x (rows x k), !w (n x k), !b (n),
// !y (rows x n). f32 throughout. @linear_biasless is the same without b.
!x = tensor<?x384xf32>
!w = tensor<768x384xf32>
!b = tensor<768xf32>
!y = tensor<?x768xf32>

#id = affine_map<(i, j) -> (i, j)>
#of_column = affine_map<(i, j) -> (j)>
#left = affine_map<(i, j, k) -> (i, k)>
#right = affine_map<(i, j, k) -> (j, k)>
#result = affine_map<(i, j, k) -> (i, j)>

util.func private @linear_biasless(%x: !x, %w: !w) -> !y {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %rows = tensor.dim %x, %c0 : !x
  %empty = tensor.empty(%rows) : !y
  %init = linalg.fill ins(%zero : f32) outs(%empty : !y) -> !y
  %y = linalg.matmul indexing_maps = [#left, #right, #result]
      ins(%x, %w : !x, !w) outs(%init : !y) -> !y
  util.return %y : !y
}

util.func private @linear(%x: !x, %w: !w, %b: !b) -> !y {
  %product = util.call @linear_biasless(%x, %w) : (!x, !w) -> !y
  %y = linalg.generic {indexing_maps = [#of_column, #id], iterator_types = ["parallel", "parallel"]}
      ins(%b : !b) outs(%product : !y) {
  ^bb0(%bias: f32, %sum: f32):
    %shifted = arith.addf %sum, %bias : f32
    linalg.yield %shifted : f32
  } -> !y
  util.return %y : !y
}
