// gelu(x) = x * Phi(x), the "erf" form, for results that are rounded to bfloat16: as gelu_erf.mlir, with
// fewer terms.
//
// Phi(-a) is 2^log, log = -1 + l1 a + ... + l7 a^7: minimax on 0 <= a <= 9 (relative error of Phi(-a) 4e-5
// up to 3, 9e-5 up to 6, 3e-4 up to 9; half a unit of bfloat16 is 2e-3 to 4e-3). It keeps falling beyond 9.
util.func private @curve(%v: vector<32xf32>) -> vector<32xf32> {
  %l1 = arith.constant dense<-1.150681088582666> : vector<32xf32>
  %l2 = arith.constant dense<-0.46004790568468107> : vector<32xf32>
  %l3 = arith.constant dense<-0.05245802720020585> : vector<32xf32>
  %l4 = arith.constant dense<0.007848424999303523> : vector<32xf32>
  %l5 = arith.constant dense<-0.0007839525920961109> : vector<32xf32>
  %l6 = arith.constant dense<4.5586149306464124e-05> : vector<32xf32>
  %l7 = arith.constant dense<-1.1517465923598454e-06> : vector<32xf32>
  // 2^r = 1 + e1 r + ... + e4 r^4: minimax on |r| <= 1/2 (relative error 3e-6).
  %e1 = arith.constant dense<0.693124189973463> : vector<32xf32>
  %e2 = arith.constant dense<0.24024037404645782> : vector<32xf32>
  %e3 = arith.constant dense<0.05590660241682842> : vector<32xf32>
  %e4 = arith.constant dense<0.009585410667632705> : vector<32xf32>
  %minus_one = arith.constant dense<-1.0> : vector<32xf32>
  %zero = arith.constant dense<0.0> : vector<32xf32>
  %one = arith.constant dense<1.0> : vector<32xf32>
  %lowest = arith.constant dense<-127.0> : vector<32xf32>
  // 1.5 * 2^23: adding it rounds to an integer and leaves that integer in the low bits.
  %round = arith.constant dense<12582912.0> : vector<32xf32>
  %exponent = arith.constant dense<23> : vector<32xi32>
  %a = math.absf %v : vector<32xf32>
  %p6 = math.fma %l7, %a, %l6 : vector<32xf32>
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
  %q3 = math.fma %e4, %r, %e3 : vector<32xf32>
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
