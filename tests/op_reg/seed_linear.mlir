// For str.format: a linear layer with and without a bias, over {element}.
util.func private @seed_linear_{element}(%x: {x}, %w: {w}) -> {y} {{
  %zero = arith.constant 0.0 : {element}
  %c0 = arith.constant 0 : index
  %n = tensor.dim %x, %c0 : {x}
  %e = tensor.empty(%n) : {y}
  %f = linalg.fill ins(%zero : {element}) outs(%e : {y}) -> {y}
  %0 = linalg.matmul
      indexing_maps = [affine_map<(m, n, k) -> (m, k)>, affine_map<(m, n, k) -> (n, k)>,
                       affine_map<(m, n, k) -> (m, n)>]
      ins(%x, %w : {x}, {w}) outs(%f : {y}) -> {y}
  util.return %0 : {y}
}}
util.func private @seed_linear_bias_{element}(%x: {x}, %b: {b}, %w: {w}) -> {y} {{
  %0 = util.call @seed_linear_{element}(%x, %w) : ({x}, {w}) -> {y}
  %1 = linalg.generic
      {{indexing_maps = [affine_map<(m, n) -> (m, n)>, affine_map<(m, n) -> (n)>,
                        affine_map<(m, n) -> (m, n)>],
       iterator_types = ["parallel", "parallel"]}}
      ins(%0, %b : {y}, {b}) outs(%0 : {y}) {{
  ^bb0(%a: {element}, %c: {element}, %_: {element}):
    %s = arith.addf %a, %c : {element}
    linalg.yield %s : {element}
  }} -> {y}
  util.return %1 : {y}
}}
