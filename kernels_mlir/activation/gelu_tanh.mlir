// gelu's "tanh" form: 0.5 x (1 + tanh(u)), u = sqrt(2/pi) (x + 0.044715 x^3).
// It is x / (1 + exp(-2u)), in which nothing cancels.
// 1 / (1 + exp(-2u)), times v; -2u = ln(2) v (c1 + c3 v^2).
util.func private @curve(%v: vector<32xf32>) -> vector<32xf32> {
  %c1 = arith.constant dense<-2.302208198144325> : vector<32xf32>
  %c3 = arith.constant dense<-0.1029432395800235> : vector<32xf32>
  %e0 = arith.constant dense<1.0> : vector<32xf32>
  %e1 = arith.constant dense<0.6931471824645996> : vector<32xf32>
  %e2 = arith.constant dense<0.24022647738456726> : vector<32xf32>
  %e3 = arith.constant dense<0.05550359934568405> : vector<32xf32>
  %e4 = arith.constant dense<0.009618505835533142> : vector<32xf32>
  %e5 = arith.constant dense<0.001339081209152937> : vector<32xf32>
  %e6 = arith.constant dense<0.000153264933032915> : vector<32xf32>
  %lowest = arith.constant dense<-127.0> : vector<32xf32>
  %highest = arith.constant dense<128.0> : vector<32xf32>
  %round = arith.constant dense<12583039.0> : vector<32xf32>
  %exponent = arith.constant dense<23> : vector<32xi32>
  %square = arith.mulf %v, %v : vector<32xf32>
  %slope = math.fma %square, %c3, %c1 : vector<32xf32>
  %log = arith.mulf %v, %slope : vector<32xf32>
  // Not arith.maximumf and minimumf: NaN may be lost here (the last division brings it back), and
  // these are one instruction each.
  %is_above = arith.cmpf ogt, %log, %lowest : vector<32xf32>
  %above = arith.select %is_above, %log, %lowest : vector<32xi1>, vector<32xf32>
  %is_below = arith.cmpf olt, %above, %highest : vector<32xf32>
  %w = arith.select %is_below, %above, %highest : vector<32xi1>, vector<32xf32>
  // 2^w = 2^r 2^n, n = round(w): adding 1.5 * 2^23 + 127 rounds to an integer, and leaves n + 127,
  // the exponent of 2^n, in the low bits. At -127 that is 0, at 128 infinity. 2^r is a minimax
  // polynomial on |r| <= 1/2 (relative error 3e-9).
  %rounded = arith.addf %w, %round : vector<32xf32>
  %n = arith.subf %rounded, %round : vector<32xf32>
  %r = arith.subf %w, %n : vector<32xf32>
  %q5 = math.fma %e6, %r, %e5 : vector<32xf32>
  %q4 = math.fma %q5, %r, %e4 : vector<32xf32>
  %q3 = math.fma %q4, %r, %e3 : vector<32xf32>
  %q2 = math.fma %q3, %r, %e2 : vector<32xf32>
  %q1 = math.fma %q2, %r, %e1 : vector<32xf32>
  %q0 = math.fma %q1, %r, %e0 : vector<32xf32>
  %rounded_bits = arith.bitcast %rounded : vector<32xf32> to vector<32xi32>
  %power_bits = arith.shli %rounded_bits, %exponent : vector<32xi32>
  %power = arith.bitcast %power_bits : vector<32xi32> to vector<32xf32>
  %divisor = math.fma %q0, %power, %e0 : vector<32xf32>
  %out = arith.divf %v, %divisor : vector<32xf32>
  util.return %out : vector<32xf32>
}
