// silu(a) * b, a and b the left and the right half of each row of x; silu(a) = a sigmoid(a).
// Parameters: !x (rows x 2d), !y (rows x d), #round_by_sum. f32 throughout.
!x = tensor<?x768xf32>
!y = tensor<?x384xf32>
#round_by_sum = true

!half = tensor<?x?xf32>
#id = affine_map<(i, j) -> (i, j)>

util.func private @silu_and_mul_gpu(%x: !x) -> !y {
  %c0 = arith.constant 0 : index
  %c1 = arith.constant 1 : index
  %one = arith.constant 1.0 : f32
  %zero = arith.constant 0.0 : f32
  // n = round(log2(e) a), r = a - n ln(2), ln(2) in two parts: n * ln2_high is exact.
  %log2e = arith.constant 1.4426950408889634 : f32
  %ln2_high = arith.constant -0.693359375 : f32
  %ln2_low = arith.constant 2.1219444005469057e-04 : f32
  // e^r = 1 + r + e2 r^2 + ... + e6 r^6: minimax on |r| <= ln(2)/2 (relative error 3e-9).
  %e2 = arith.constant 0.4999999403953552 : f32
  %e3 = arith.constant 0.1666652113199234 : f32
  %e4 = arith.constant 0.04166825860738754 : f32
  %e5 = arith.constant 0.008368667215108871 : f32
  %e6 = arith.constant 0.0013821222819387913 : f32
  // e^-87 is still a normal number; smaller powers become 0.
  %lowest = arith.constant -87.0 : f32
  // 1.5 * 2^23: adding it rounds to an integer and leaves that integer in the low bits. Vulkan uses
  // math.roundeven, because its drivers fold (a + b) - b to a. On CPUs and CUDA that would be some
  // thirty instructions.
  %by_sum = arith.constant #round_by_sum
  %round = arith.constant 12582912.0 : f32
  %exponent = arith.constant 23 : i32

  %rows = tensor.dim %x, %c0 : !x
  %empty_static = tensor.empty(%rows) : !y
  %d = tensor.dim %empty_static, %c1 : !y
  %left_any = tensor.extract_slice %x[0, 0] [%rows, %d] [1, 1] : !x to !half
  %right_any = tensor.extract_slice %x[0, %d] [%rows, %d] [1, 1] : !x to !half
  %left = tensor.cast %left_any : !half to !y
  %right = tensor.cast %right_any : !half to !y
  %y = linalg.generic {indexing_maps = [#id, #id, #id], iterator_types = ["parallel", "parallel"]}
      ins(%left, %right : !y, !y) outs(%empty_static : !y) {
  ^bb0(%a: f32, %b: f32, %_: f32):
    // exp(-|a|) cannot overflow.
    %size = math.absf %a : f32
    %minus = arith.negf %size : f32
    %in_range = arith.cmpf ogt, %minus, %lowest : f32
    %v = arith.select %in_range, %minus, %lowest : f32
    %w = arith.mulf %v, %log2e : f32
    %k = arith.addf %w, %round : f32
    %n_sum = arith.subf %k, %round : f32
    %n_bits = arith.bitcast %k : f32 to i32
    %n_own = math.roundeven %w : f32
    %n_int = arith.fptosi %n_own : f32 to i32
    %n = arith.select %by_sum, %n_sum, %n_own : f32
    %n_low = arith.select %by_sum, %n_bits, %n_int : i32
    %nh = arith.mulf %n, %ln2_high : f32
    %rh = arith.addf %v, %nh : f32
    %nl = arith.mulf %n, %ln2_low : f32
    %r = arith.addf %rh, %nl : f32
    %q6 = arith.mulf %r, %e6 : f32
    %q5 = arith.addf %q6, %e5 : f32
    %q5r = arith.mulf %q5, %r : f32
    %q4 = arith.addf %q5r, %e4 : f32
    %q4r = arith.mulf %q4, %r : f32
    %q3 = arith.addf %q4r, %e3 : f32
    %q3r = arith.mulf %q3, %r : f32
    %q2 = arith.addf %q3r, %e2 : f32
    %rr = arith.mulf %r, %r : f32
    %q2rr = arith.mulf %q2, %rr : f32
    %q1 = arith.addf %q2rr, %r : f32
    %q = arith.addf %q1, %one : f32
    // q * 2^n, by adding n to q's exponent.
    %qbits = arith.bitcast %q : f32 to i32
    %nbits = arith.shli %n_low, %exponent : i32
    %expbits = arith.addi %qbits, %nbits : i32
    %exp_any = arith.bitcast %expbits : i32 to f32
    %exp = arith.select %in_range, %exp_any, %zero : f32
    // sigmoid(a) = 1 / (1 + exp) for a >= 0, exp / (1 + exp) for a < 0.
    %divisor = arith.addf %exp, %one : f32
    %negative = arith.cmpf olt, %a, %zero : f32
    %factor = arith.select %negative, %exp, %one : f32
    %dividend = arith.mulf %a, %factor : f32
    %silu = arith.divf %dividend, %divisor : f32
    %out = arith.mulf %silu, %b : f32
    linalg.yield %out : f32
  } -> !y
  util.return %y : !y
}
