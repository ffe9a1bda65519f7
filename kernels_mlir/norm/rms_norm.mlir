// y = x / sqrt(mean(head(x)^2) + epsilon) * weight, along the rows of x, head(x) being x's first
// columns. Parameters: !x (rows x n), !head (rows x m, m <= n), !weight (n), #epsilon. Takes and
// gives f32. @rms_norm_weightless is the same without a weight.
!x = tensor<?x384xf32>
!head = tensor<?x384xf32>
!weight = tensor<384xf32>
#epsilon = 1.0e-6 : f32

!any = tensor<?x?xf32>
!row = tensor<?xf32>
!sum = tensor<?xf64>
#id = affine_map<(i, j) -> (i, j)>
#of_row = affine_map<(i, j) -> (i)>
#of_column = affine_map<(i, j) -> (j)>
#each_row = affine_map<(i) -> (i)>

// 1 / sqrt(mean(head(x)^2) + epsilon), once a row.
util.func private @rms_norm_scale(%x: !x) -> !row {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f64
  %one = arith.constant 1.0 : f64
  %epsilon_f32 = arith.constant #epsilon
  %epsilon = arith.extf %epsilon_f32 : f32 to f64
  %rows = tensor.dim %x, %c0 : !x
  %shape = tensor.empty(%rows) : !head
  %m = tensor.dim %shape, %c1 : !head
  %m_i64 = arith.index_cast %m : index to i64
  %count = arith.sitofp %m_i64 : i64 to f64
  %head_any = tensor.extract_slice %x[0, 0] [%rows, %m] [1, 1] : !x to !any
  %head = tensor.cast %head_any : !any to !head
  %empty = tensor.empty(%rows) : !row
  %empty_sum = tensor.empty(%rows) : !sum
  %init = linalg.fill ins(%zero : f64) outs(%empty_sum : !sum) -> !sum
  // The sum is in f64: in f32 its rounding shows in long rows, and f64 costs next to nothing.
  %sum = linalg.generic {indexing_maps = [#id, #of_row], iterator_types = ["parallel", "reduction"]}
      ins(%head : !head) outs(%init : !sum) {
  ^bb0(%v: f32, %acc: f64):
    %wide = arith.extf %v : f32 to f64
    %square = arith.mulf %wide, %wide : f64
    // Without this addition IREE takes the sum for a matrix product, three times as slow.
    %term = arith.addf %square, %zero : f64
    %next = arith.addf %acc, %term : f64
    linalg.yield %next : f64
  } -> !sum
  %scale = linalg.generic {indexing_maps = [#each_row, #each_row], iterator_types = ["parallel"]}
      ins(%sum : !sum) outs(%empty : !row) {
  ^bb0(%s: f64, %_: f32):
    %mean = arith.divf %s, %count : f64
    %shifted = arith.addf %mean, %epsilon : f64
    %root = math.sqrt %shifted : f64
    %inverse = arith.divf %one, %root : f64
    %scale = arith.truncf %inverse : f64 to f32
    linalg.yield %scale : f32
  } -> !row
  util.return %scale : !row
}

util.func private @rms_norm(%x: !x, %weight: !weight) -> !x {
  %scale = util.call @rms_norm_scale(%x) : (!x) -> !row
  %y = linalg.generic {indexing_maps = [#id, #of_row, #of_column, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %scale, %weight : !x, !row, !weight) outs(%x : !x) {
  ^bb0(%v: f32, %s: f32, %w: f32, %_: f32):
    %scaled = arith.mulf %v, %s : f32
    %out = arith.mulf %scaled, %w : f32
    linalg.yield %out : f32
  } -> !x
  util.return %y : !x
}

util.func private @rms_norm_weightless(%x: !x) -> !x {
  %scale = util.call @rms_norm_scale(%x) : (!x) -> !row
  %y = linalg.generic {indexing_maps = [#id, #of_row, #id], iterator_types = ["parallel", "parallel"]}
      ins(%x, %scale : !x, !row) outs(%x : !x) {
  ^bb0(%v: f32, %s: f32, %_: f32):
    %out = arith.mulf %v, %s : f32
    linalg.yield %out : f32
  } -> !x
  util.return %y : !x
}
