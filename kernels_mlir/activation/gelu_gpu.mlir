// gelu(x) = x * Phi(x), Phi the normal distribution function (the "erf" form).
// Parameters: !x, the tensor flattened to one dimension, #round_by_sum. f32 throughout.
!x = tensor<?xf32>
#round_by_sum = true

#id = affine_map<(i) -> (i)>

util.func private @gelu_gpu(%x: !x) -> !x {
  %zero = arith.constant 0.0 : f32
  %one = arith.constant 1.0 : f32
  // log2(Phi(-a)) = -1 + l1 a + ... + l10 a^10: minimax on 0 <= a <= 9, weighted by Phi(-a)
  // (absolute error 1e-9 in Phi). It keeps falling beyond 9, so large a needs no care.
  %l1 = arith.constant -1.151104211807251 : f32
  %l2 = arith.constant -0.45922234654426575 : f32
  %l3 = arith.constant -0.052429746836423874 : f32
  %l4 = arith.constant 0.006917521357536316 : f32
  %l5 = arith.constant 3.536031363182701e-05 : f32
  %l6 = arith.constant -0.0003022895834874362 : f32
  %l7 = arith.constant 8.444293780485168e-05 : f32
  %l8 = arith.constant -1.2489248547353782e-05 : f32
  %l9 = arith.constant 1.0001310783991357e-06 : f32
  %l10 = arith.constant -3.3514552910673956e-08 : f32
  %minus_one = arith.constant -1.0 : f32
  // 2^r = 1 + e1 r + ... + e6 r^6: minimax on |r| <= 1/2 (relative error 3e-9).
  %e1 = arith.constant 0.6931471824645996 : f32
  %e2 = arith.constant 0.24022647738456726 : f32
  %e3 = arith.constant 0.05550359934568405 : f32
  %e4 = arith.constant 0.009618505835533142 : f32
  %e5 = arith.constant 0.001339081209152937 : f32
  %e6 = arith.constant 0.000153264933032915 : f32
  %lowest = arith.constant -127.0 : f32
  // 1.5 * 2^23: adding it rounds to an integer and leaves that integer in the low bits. Vulkan uses
  // math.roundeven, because its drivers fold (a + b) - b to a. On CPUs and CUDA that would be some
  // thirty instructions.
  %by_sum = arith.constant #round_by_sum
  %round = arith.constant 12582912.0 : f32
  %exponent = arith.constant 23 : i32
  %y = linalg.generic {indexing_maps = [#id, #id], iterator_types = ["parallel"]}
      ins(%x : !x) outs(%x : !x) {
  ^bb0(%v: f32, %_: f32):
    %a = math.absf %v : f32
    %p10 = arith.mulf %a, %l10 : f32
    %p9 = arith.addf %p10, %l9 : f32
    %p9a = arith.mulf %p9, %a : f32
    %p8 = arith.addf %p9a, %l8 : f32
    %p8a = arith.mulf %p8, %a : f32
    %p7 = arith.addf %p8a, %l7 : f32
    %p7a = arith.mulf %p7, %a : f32
    %p6 = arith.addf %p7a, %l6 : f32
    %p6a = arith.mulf %p6, %a : f32
    %p5 = arith.addf %p6a, %l5 : f32
    %p5a = arith.mulf %p5, %a : f32
    %p4 = arith.addf %p5a, %l4 : f32
    %p4a = arith.mulf %p4, %a : f32
    %p3 = arith.addf %p4a, %l3 : f32
    %p3a = arith.mulf %p3, %a : f32
    %p2 = arith.addf %p3a, %l2 : f32
    %p2a = arith.mulf %p2, %a : f32
    %p1 = arith.addf %p2a, %l1 : f32
    %p1a = arith.mulf %p1, %a : f32
    %log = arith.addf %p1a, %minus_one : f32
    // Not arith.maximumf: NaN may be lost here (the last product brings it back), and this is one
    // instruction. At -127 the power built below is exactly 0.
    %in_range = arith.cmpf ogt, %log, %lowest : f32
    %w = arith.select %in_range, %log, %lowest : f32
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
    %tailbits = arith.addi %qbits, %nbits : i32
    %tail = arith.bitcast %tailbits : i32 to f32
    // Phi(v) is the tail itself below 0: nothing cancels there.
    %rest = arith.subf %one, %tail : f32
    %negative = arith.cmpf olt, %v, %zero : f32
    %phi = arith.select %negative, %tail, %rest : f32
    %out = arith.mulf %v, %phi : f32
    linalg.yield %out : f32
  } -> !x
  util.return %y : !x
}
