// gelu's "tanh" form: 0.5 x (1 + tanh(u)), u = sqrt(2/pi) (x + 0.044715 x^3).
// It is x / (1 + exp(-2u)), in which nothing cancels. Parameters: !x, the tensor flattened to
// one dimension, #round_by_sum. f32 throughout.
!x = tensor<?xf32>
#round_by_sum = true

#id = affine_map<(i) -> (i)>

util.func private @gelu_tanh_gpu(%x: !x) -> !x {
  %one = arith.constant 1.0 : f32
  // -2u = ln(2) x (c1 + c3 x^2)
  %c1 = arith.constant -2.302208198144325 : f32
  %c3 = arith.constant -0.1029432395800235 : f32
  // 2^r = 1 + e1 r + ... + e6 r^6: minimax on |r| <= 1/2 (relative error 3e-9).
  %e1 = arith.constant 0.6931471824645996 : f32
  %e2 = arith.constant 0.24022647738456726 : f32
  %e3 = arith.constant 0.05550359934568405 : f32
  %e4 = arith.constant 0.009618505835533142 : f32
  %e5 = arith.constant 0.001339081209152937 : f32
  %e6 = arith.constant 0.000153264933032915 : f32
  %lowest = arith.constant -127.0 : f32
  %highest = arith.constant 128.0 : f32
  // 1.5 * 2^23: adding it rounds to an integer and leaves that integer in the low bits. Vulkan uses
  // math.roundeven, because its drivers fold (a + b) - b to a. On CPUs and CUDA that would be some
  // thirty instructions.
  %by_sum = arith.constant #round_by_sum
  %round = arith.constant 12582912.0 : f32
  %exponent = arith.constant 23 : i32
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%x : !x) outs(%x : !x) {
  ^bb0(%v: f32, %_: f32):
    %v2 = arith.mulf %v, %v : f32
    %v2c = arith.mulf %v2, %c3 : f32
    %slope = arith.addf %v2c, %c1 : f32
    %log = arith.mulf %v, %slope : f32
    // Not arith.maximumf/minimumf: NaN may be lost here (the last division brings it back), and
    // these are one instruction each. At the two limits the power built below is exactly 0 and
    // infinity.
    %above = arith.cmpf ogt, %log, %lowest : f32
    %low = arith.select %above, %log, %lowest : f32
    %below = arith.cmpf olt, %low, %highest : f32
    %w = arith.select %below, %low, %highest : f32
    %k = arith.addf %w, %round : f32
    %n_sum = arith.subf %k, %round : f32
    %n_bits = arith.bitcast %k : f32 to i32
    %n_own = math.roundeven %w : f32
    %n_int = arith.fptosi %n_own : f32 to i32
    %n = arith.select %by_sum, %n_sum, %n_own : f32
    %n_low = arith.select %by_sum, %n_bits, %n_int : i32
    %r = arith.subf %w, %n : f32
    %q6 = arith.mulf %r, %e6 : f32
    %q5 = arith.addf %q6, %e5 : f32
    %q5r = arith.mulf %q5, %r : f32
    %q4 = arith.addf %q5r, %e4 : f32
    %q4r = arith.mulf %q4, %r : f32
    %q3 = arith.addf %q4r, %e3 : f32
    %q3r = arith.mulf %q3, %r : f32
    %q2 = arith.addf %q3r, %e2 : f32
    %q2r = arith.mulf %q2, %r : f32
    %q1 = arith.addf %q2r, %e1 : f32
    %q1r = arith.mulf %q1, %r : f32
    %q = arith.addf %q1r, %one : f32
    // q * 2^n, by adding n to q's exponent.
    %qbits = arith.bitcast %q : f32 to i32
    %nbits = arith.shli %n_low, %exponent : i32
    %expbits = arith.addi %qbits, %nbits : i32
    %exp = arith.bitcast %expbits : i32 to f32
    %divisor = arith.addf %exp, %one : f32
    %out = arith.divf %v, %divisor : f32
    linalg.yield %out : f32
  } -> !x
  util.return %y : !x
}
