// y = (x - mean) / sqrt(variance + epsilon) * weight + bias, along the rows of x (population
// variance). Parameters: !x (rows x n), !weight and !bias (n), #epsilon. Takes and gives f32.
!x = tensor<?x384xf32>
!weight = tensor<384xf32>
!bias = tensor<384xf32>
#epsilon = 1.0e-6 : f32

!row = tensor<?xf32>
!sum = tensor<?xf64>
#id = affine_map<(i, j) -> (i, j)>
#of_row = affine_map<(i, j) -> (i)>
#of_column = affine_map<(i, j) -> (j)>
#each_row = affine_map<(i) -> (i)>

util.func private @layer_norm(%x: !x, %weight: !weight, %bias: !bias) -> !x {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f64
  %one = arith.constant 1.0 : f64
  %epsilon_f32 = arith.constant #epsilon
  %epsilon = arith.extf %epsilon_f32 : f32 to f64
  %rows = tensor.dim %x, %c0 : !x
  %n = tensor.dim %x, %c1 : !x
  %n_i64 = arith.index_cast %n : index to i64
  %count = arith.sitofp %n_i64 : i64 to f64
  %empty = tensor.empty(%rows) : !row
  %empty_sum = tensor.empty(%rows) : !sum
  %init = linalg.fill ins(%zero : f64) outs(%empty_sum : !sum) -> !sum
  // Both sums are in f64. The square of an f32 is exact there, and little of f64's precision goes
  // in sum(x^2) - sum(x)^2 / n, so that (x - mean)^2 need not be summed: IREE would not vectorise
  // that sum, since it has two inputs, x and mean.
  %sum = linalg.generic {indexing_maps = [#id, #of_row], iterator_types = ["parallel", "reduction"]}
      ins(%x : !x) outs(%init : !sum) {
  ^bb0(%v: f32, %acc: f64):
    %wide = arith.extf %v : f32 to f64
    %next = arith.addf %acc, %wide : f64
    linalg.yield %next : f64
  } -> !sum
  // The second sum starts at -sum(x)^2 / n, and so ends at n * variance. That it depends on the
  // first one is what makes IREE put both in one dispatch.
  %start = linalg.generic {indexing_maps = [#each_row, #each_row], iterator_types = ["parallel"]}
      ins(%sum : !sum) outs(%empty_sum : !sum) {
  ^bb0(%s: f64, %_: f64):
    %mean = arith.divf %s, %count : f64
    %square_of_sum = arith.mulf %s, %mean : f64
    %minus = arith.negf %square_of_sum : f64
    linalg.yield %minus : f64
  } -> !sum
  %sum2 = linalg.generic {indexing_maps = [#id, #of_row], iterator_types = ["parallel", "reduction"]}
      ins(%x : !x) outs(%start : !sum) {
  ^bb0(%v: f32, %acc: f64):
    %wide = arith.extf %v : f32 to f64
    %square = arith.mulf %wide, %wide : f64
    // Without this addition IREE takes the sum for a matrix product, three times as slow.
    %term = arith.addf %square, %zero : f64
    %next = arith.addf %acc, %term : f64
    linalg.yield %next : f64
  } -> !sum
  // y = ((x - center) * scale + shift) * weight + bias: center is the mean rounded to f32, and
  // shift makes up for the rounding, which counts in a row far from 0.
  %affine:3 = linalg.generic {indexing_maps = [#each_row, #each_row, #each_row, #each_row, #each_row], iterator_types = ["parallel"]}
      ins(%sum, %sum2 : !sum, !sum) outs(%empty, %empty, %empty : !row, !row, !row) {
  ^bb0(%s: f64, %s2: f64, %_0: f32, %_1: f32, %_2: f32):
    %mean = arith.divf %s, %count : f64
    %difference = arith.divf %s2, %count : f64
    // Rounding can leave less than 0 of a constant row.
    %variance = arith.maximumf %difference, %zero : f64
    %shifted = arith.addf %variance, %epsilon : f64
    %root = math.sqrt %shifted : f64
    %inverse = arith.divf %one, %root : f64
    %center = arith.truncf %mean : f64 to f32
    %scale = arith.truncf %inverse : f64 to f32
    %center_f64 = arith.extf %center : f32 to f64
    %off = arith.subf %center_f64, %mean : f64
    %shift_f64 = arith.mulf %off, %inverse : f64
    %shift = arith.truncf %shift_f64 : f64 to f32
    linalg.yield %center, %scale, %shift : f32, f32, f32
  } -> (!row, !row, !row)
  %y = linalg.generic {indexing_maps = [#id, #of_row, #of_row, #of_row, #of_column, #of_column, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %affine#0, %affine#1, %affine#2, %weight, %bias : !x, !row, !row, !row, !weight, !bias) outs(%x : !x) {
  ^bb0(%v: f32, %center: f32, %scale: f32, %shift: f32, %w: f32, %b: f32, %_: f32):
    %d = arith.subf %v, %center : f32
    %ds = arith.mulf %d, %scale : f32
    %normed = arith.addf %ds, %shift : f32
    %weighted = arith.mulf %normed, %w : f32
    %out = arith.addf %weighted, %b : f32
    linalg.yield %out : f32
  } -> !x
  util.return %y : !x
}
