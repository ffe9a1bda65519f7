// gelu(x) = x * Phi(x), Phi the normal distribution function (the "erf" form).
// Phi(-a) for a = |v| is 2^log, and log = -1 + l1 a + ... + l10 a^10: minimax on 0 <= a <= 9, weighted
// by Phi(-a) (absolute error 1e-9 in Phi). Relative to Phi(-a) that is 7e-7 up to 3, 3e-3 up to 6 and
// 0.1 up to 9. It keeps falling beyond 9, so large a needs no care.
util.func private @curve(%v: vector<32xf32>) -> vector<32xf32> {
  %l1 = arith.constant dense<-1.151104211807251> : vector<32xf32>
  %l2 = arith.constant dense<-0.45922234654426575> : vector<32xf32>
  %l3 = arith.constant dense<-0.052429746836423874> : vector<32xf32>
  %l4 = arith.constant dense<0.006917521357536316> : vector<32xf32>
  %l5 = arith.constant dense<3.536031363182701e-05> : vector<32xf32>
  %l6 = arith.constant dense<-0.0003022895834874362> : vector<32xf32>
  %l7 = arith.constant dense<8.444293780485168e-05> : vector<32xf32>
  %l8 = arith.constant dense<-1.2489248547353782e-05> : vector<32xf32>
  %l9 = arith.constant dense<1.0001310783991357e-06> : vector<32xf32>
  %l10 = arith.constant dense<-3.3514552910673956e-08> : vector<32xf32>
  // 2^r = 1 + e1 r + ... + e6 r^6: minimax on |r| <= 1/2 (relative error 3e-9).
  %e1 = arith.constant dense<0.6931471824645996> : vector<32xf32>
  %e2 = arith.constant dense<0.24022647738456726> : vector<32xf32>
  %e3 = arith.constant dense<0.05550359934568405> : vector<32xf32>
  %e4 = arith.constant dense<0.009618505835533142> : vector<32xf32>
  %e5 = arith.constant dense<0.001339081209152937> : vector<32xf32>
  %e6 = arith.constant dense<0.000153264933032915> : vector<32xf32>
  %minus_one = arith.constant dense<-1.0> : vector<32xf32>
  %zero = arith.constant dense<0.0> : vector<32xf32>
  %one = arith.constant dense<1.0> : vector<32xf32>
  %lowest = arith.constant dense<-127.0> : vector<32xf32>
  // 1.5 * 2^23: adding it rounds to an integer and leaves that integer in the low bits.
  %round = arith.constant dense<12582912.0> : vector<32xf32>
  %exponent = arith.constant dense<23> : vector<32xi32>
  %a = math.absf %v : vector<32xf32>
  %p9 = math.fma %l10, %a, %l9 : vector<32xf32>
  %p8 = math.fma %p9, %a, %l8 : vector<32xf32>
  %p7 = math.fma %p8, %a, %l7 : vector<32xf32>
  %p6 = math.fma %p7, %a, %l6 : vector<32xf32>
  %p5 = math.fma %p6, %a, %l5 : vector<32xf32>
  %p4 = math.fma %p5, %a, %l4 : vector<32xf32>
  %p3 = math.fma %p4, %a, %l3 : vector<32xf32>
  %p2 = math.fma %p3, %a, %l2 : vector<32xf32>
  %p1 = math.fma %p2, %a, %l1 : vector<32xf32>
  %log = math.fma %p1, %a, %minus_one : vector<32xf32>
  // Not arith.maximumf: NaN may be lost here (the last product brings it back), and this is one
  // instruction. At -127 the power built below is exactly 0.
  %in_range = arith.cmpf ogt, %log, %lowest : vector<32xf32>
  %w = arith.select %in_range, %log, %lowest : vector<32xi1>, vector<32xf32>
  %k = arith.addf %w, %round : vector<32xf32>
  %n = arith.subf %k, %round : vector<32xf32>
  %r = arith.subf %w, %n : vector<32xf32>
  %q5 = math.fma %e6, %r, %e5 : vector<32xf32>
  %q4 = math.fma %q5, %r, %e4 : vector<32xf32>
  %q3 = math.fma %q4, %r, %e3 : vector<32xf32>
  %q2 = math.fma %q3, %r, %e2 : vector<32xf32>
  %q1 = math.fma %q2, %r, %e1 : vector<32xf32>
  %q = math.fma %q1, %r, %one : vector<32xf32>
  // q * 2^n, by adding n to q's exponent.
  %q_bits = arith.bitcast %q : vector<32xf32> to vector<32xi32>
  %k_bits = arith.bitcast %k : vector<32xf32> to vector<32xi32>
  %n_bits = arith.shli %k_bits, %exponent : vector<32xi32>
  %tail_bits = arith.addi %q_bits, %n_bits : vector<32xi32>
  %tail = arith.bitcast %tail_bits : vector<32xi32> to vector<32xf32>
  %rest = arith.subf %one, %tail : vector<32xf32>
  %negative = arith.cmpf olt, %v, %zero : vector<32xf32>
  %phi = arith.select %negative, %tail, %rest : vector<32xi1>, vector<32xf32>
  %out = arith.mulf %v, %phi : vector<32xf32>
  util.return %out : vector<32xf32>
}
