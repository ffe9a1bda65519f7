// softmax for GPUs: y = exp(x - max(x)) / sum(exp(x - max(x))), along the rows of x. Parameters: !x
// (rows x n). f32 throughout.
!x = tensor<?x384xf32>

!row = tensor<?xf32>
#id = affine_map<(i, j) -> (i, j)>
#of_row = affine_map<(i, j) -> (i)>

util.func private @softmax_gpu(%x: !x) -> !x {
  %c0 = arith.constant 0 : index
  %zero = arith.constant 0.0 : f32
  %lowest = arith.constant 0xFF800000 : f32
  %rows = tensor.dim %x, %c0 : !x
  %empty = tensor.empty(%rows) : !row
  %no_max = linalg.fill ins(%lowest : f32) outs(%empty : !row) -> !row
  %no_sum = linalg.fill ins(%zero : f32) outs(%empty : !row) -> !row
  %most = linalg.generic {indexing_maps = [#id, #of_row], iterator_types = ["parallel", "reduction"]}
      ins(%x : !x) outs(%no_max : !row) {
  ^bb0(%v: f32, %acc: f32):
    %next = arith.maxnumf %acc, %v : f32
    linalg.yield %next : f32
  } -> !row
  %sum = linalg.generic {indexing_maps = [#id, #of_row, #of_row], iterator_types = ["parallel", "reduction"]}
      ins(%x, %most : !x, !row) outs(%no_sum : !row) {
  ^bb0(%v: f32, %m: f32, %acc: f32):
    %below = arith.subf %v, %m : f32
    %e = math.exp %below : f32
    %next = arith.addf %acc, %e : f32
    linalg.yield %next : f32
  } -> !row
  %y = linalg.generic {indexing_maps = [#id, #of_row, #of_row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %most, %sum : !x, !row, !row) outs(%x : !x) {
  ^bb0(%v: f32, %m: f32, %s: f32, %_: f32):
    %below = arith.subf %v, %m : f32
    %e = math.exp %below : f32
    %out = arith.divf %e, %s : f32
    linalg.yield %out : f32
  } -> !x
  util.return %y : !x
}
