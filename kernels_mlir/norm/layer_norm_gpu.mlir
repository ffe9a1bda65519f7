// layer_norm for GPUs. Many GPUs have no f64 or a slow one, so everything is f32. In f32 the variance
// cannot be computed as mean(x^2) - mean(x)^2, so the rows are read once for the mean and once for
// the rest. Parameters: !x (rows x n), !weight and !bias (n), #epsilon.
!x = tensor<?x384xf32>
!weight = tensor<384xf32>
!bias = tensor<384xf32>
#epsilon = 1.0e-6 : f32

!row = tensor<?xf32>
#id = affine_map<(i, j) -> (i, j)>
#of_row = affine_map<(i, j) -> (i)>
#of_column = affine_map<(i, j) -> (j)>
#each_row = affine_map<(i) -> (i)>

util.func private @layer_norm(%x: !x, %weight: !weight, %bias: !bias) -> !x {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %epsilon = arith.constant #epsilon
  %rows = tensor.dim %x, %c0 : !x
  %n = tensor.dim %x, %c1 : !x
  %n_i32 = arith.index_cast %n : index to i32
  %count = arith.sitofp %n_i32 : i32 to f32
  %empty = tensor.empty(%rows) : !row
  %init = linalg.fill ins(%zero : f32) outs(%empty : !row) -> !row
  %sum = linalg.generic {indexing_maps = [#id, #of_row], iterator_types = ["parallel", "reduction"]}
      ins(%x : !x) outs(%init : !row) {
  ^bb0(%v: f32, %acc: f32):
    %next = arith.addf %acc, %v : f32
    linalg.yield %next : f32
  } -> !row
  // The mean, with a rounding error. The sum of the differences from it corrects the error, which
  // matters in a row far from 0.
  %center = linalg.generic {indexing_maps = [#each_row, #each_row], iterator_types = ["parallel"]}
      ins(%sum : !row) outs(%empty : !row) {
  ^bb0(%s: f32, %_: f32):
    %mean = arith.divf %s, %count : f32
    linalg.yield %mean : f32
  } -> !row
  %off = linalg.generic {indexing_maps = [#id, #of_row, #of_row], iterator_types = ["parallel", "reduction"]}
      ins(%x, %center : !x, !row) outs(%init : !row) {
  ^bb0(%v: f32, %c: f32, %acc: f32):
    %d = arith.subf %v, %c : f32
    %next = arith.addf %acc, %d : f32
    linalg.yield %next : f32
  } -> !row
  %squares = linalg.generic {indexing_maps = [#id, #of_row, #of_row], iterator_types = ["parallel", "reduction"]}
      ins(%x, %center : !x, !row) outs(%init : !row) {
  ^bb0(%v: f32, %c: f32, %acc: f32):
    %d = arith.subf %v, %c : f32
    %square = arith.mulf %d, %d : f32
    %next = arith.addf %acc, %square : f32
    linalg.yield %next : f32
  } -> !row
  %affine:2 = linalg.generic {indexing_maps = [#each_row, #each_row, #each_row, #each_row], iterator_types = ["parallel"]}
      ins(%off, %squares : !row, !row) outs(%empty, %empty : !row, !row) {
  ^bb0(%o: f32, %s2: f32, %_0: f32, %_1: f32):
    %rest = arith.divf %o, %count : f32
    %rest_square = arith.mulf %rest, %rest : f32
    %mean_square = arith.divf %s2, %count : f32
    %difference = arith.subf %mean_square, %rest_square : f32
    %variance = arith.maximumf %difference, %zero : f32
    %shifted = arith.addf %variance, %epsilon : f32
    %root = math.sqrt %shifted : f32
    %inverse = arith.divf %one, %root : f32
    linalg.yield %rest, %inverse : f32, f32
  } -> (!row, !row)
  %y = linalg.generic {indexing_maps = [#id, #of_row, #of_row, #of_row, #of_column, #of_column, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %center, %affine#0, %affine#1, %weight, %bias : !x, !row, !row, !row, !weight, !bias) outs(%x : !x) {
  ^bb0(%v: f32, %c: f32, %rest: f32, %scale: f32, %w: f32, %b: f32, %_: f32):
    %d = arith.subf %v, %c : f32
    %centred = arith.subf %d, %rest : f32
    %normed = arith.mulf %centred, %scale : f32
    %weighted = arith.mulf %normed, %w : f32
    %out = arith.addf %weighted, %b : f32
    linalg.yield %out : f32
  } -> !x
  util.return %y : !x
}
