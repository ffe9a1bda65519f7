// rms_norm for GPUs. Many GPUs have no f64 or a slow one, so everything is f32. As in rms_norm.mlir,
// y = x / sqrt(mean(head(x)^2) + epsilon) * weight, along the rows of x; head(x) is the first columns
// of x. Parameters: !x (rows x n), !head (rows x m, m <= n), !weight (n), #epsilon.
// @rms_norm_weightless is the same without a weight.
!x = tensor<?x384xf32>
!head = tensor<?x384xf32>
!weight = tensor<384xf32>
#epsilon = 1.0e-6 : f32

!any = tensor<?x?xf32>
!row = tensor<?xf32>
#id = affine_map<(i, j) -> (i, j)>
#of_row = affine_map<(i, j) -> (i)>
#of_column = affine_map<(i, j) -> (j)>
#each_row = affine_map<(i) -> (i)>

// 1 / sqrt(mean(head(x)^2) + epsilon), once per row.
util.func private @rms_norm_scale(%x: !x) -> !row {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  %epsilon = arith.constant #epsilon
  %rows = tensor.dim %x, %c0 : !x
  %shape = tensor.empty(%rows) : !head
  %m = tensor.dim %shape, %c1 : !head
  %m_i32 = arith.index_cast %m : index to i32
  %count = arith.sitofp %m_i32 : i32 to f32
  %head_any = tensor.extract_slice %x[0, 0] [%rows, %m] [1, 1] : !x to !any
  %head = tensor.cast %head_any : !any to !head
  %empty = tensor.empty(%rows) : !row
  %init = linalg.fill ins(%zero : f32) outs(%empty : !row) -> !row
  %sum = linalg.generic {indexing_maps = [#id, #of_row], iterator_types = ["parallel", "reduction"]}
      ins(%head : !head) outs(%init : !row) {
  ^bb0(%v: f32, %acc: f32):
    %square = arith.mulf %v, %v : f32
    %next = arith.addf %acc, %square : f32
    linalg.yield %next : f32
  } -> !row
  %scale = linalg.generic {indexing_maps = [#each_row, #each_row], iterator_types = ["parallel"]}
      ins(%sum : !row) outs(%empty : !row) {
  ^bb0(%s: f32, %_: f32):
    %mean = arith.divf %s, %count : f32
    %shifted = arith.addf %mean, %epsilon : f32
    %root = math.sqrt %shifted : f32
    %inverse = arith.divf %one, %root : f32
    linalg.yield %inverse : f32
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
