{#- What the forms of attention in bfloat16 share: all but the products; see attention.mlir.

Two numbers of a product that follow each other are a pair of 32 bits, and lie in one lane. Packed keys
are [16 keys][step of channels][pair of channels][key, parity], packed values [16 channels][step of
keys][pair of keys][channel, parity]; a step is 32 keys or channels, and a line has 16 pairs. Lines of the query,
scores, probabilities and sums of a block are [step][row]. The softmax is in float32: the probability
is 2 to the power of (score - largest) times the scale, of which the part below the point goes into a
polynomial of degree 4 (error 4e-6). Probabilities are rounded to bfloat16, and their sum is that of
the rounded ones, so that it does not add to the error.
-#}
{%- from 'attention_index.mlir' import ahead, at, constant, largest, place, transposed with context -%}
{%- from 'attention_causal.mlir' import changed, changes, changes_of_row, sink_score, visible with context -%}
{%- set ds = (depth + 31) // 32 -%}
{%- set block_steps = block // 32 -%}
{%- set sizes = namespace(step_lines=64 * ds, fixed_lines=rows * (ds + 2 * block_steps + block_steps + 2 * ds + 2)) -%}
{%- set dfull = 'true' if depth % 32 == 0 else 'false' -%}
{%- macro row(name, kind, memory, key, channel) %}
              {#- 32 channels of a key or value, zero beyond the last one -#}
              %{{ name }}_in = arith.cmpi slt, {{ key }}, %hi : index
              %{{ name }}_at = arith.minsi {{ key }}, %last : index
              %{{ name }}_any = vector.transfer_read {{ memory }}[{{ place('%%%s_at' | format(name), channel) }}], %zeroe {in_bounds = [{{ dfull }}]} : !kv, !e
              %{{ name }}_bits = vector.bitcast %{{ name }}_any : !e to vector<{{ kind }}>
              %{{ name }} = arith.select %{{ name }}_in, %{{ name }}_bits, %zeros_{{ kind }} : vector<{{ kind }}>
{%- endmacro -%}
{%- macro power(name, score, top) %}
                // 2 ** (score * scale - top)
                %{{ name }}_x = math.fma {{ score }}, %factor, {{ top }} : !f
                %{{ name }}_f = llvm.call_intrinsic "llvm.x86.avx512.mask.reduce.ps.512"(%{{ name }}_x, %downwards, %zero, %all, %current) : (!f, i32, !f, i16, i32) -> !f
{%- for i in range(4) %}
                %{{ name }}_{{ i }} = math.fma {{ '%power4' if loop.first else '%%%s_%d' | format(name, i - 1) }}, %{{ name }}_f, %power{{ 3 - i }} : !f
{%- endfor %}
                %{{ name }} = llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"(%{{ name }}_3, %{{ name }}_x, %zero, %all, %current) : (!f, !f, !f, i16, i32) -> !f
{%- endmacro -%}
{%- macro constants() %}
      %base = memref.extract_aligned_pointer_as_index %lines : !lines -> index
      %downwards = llvm.mlir.constant(1 : i32) : i32
      %current = llvm.mlir.constant(4 : i32) : i32
      %all = llvm.mlir.constant(-1 : i16) : i16
      %zeros_16xi32 = arith.constant dense<0> : vector<16xi32>
      %zeros_32xi16 = arith.constant dense<0> : vector<32xi16>
      %ones = arith.constant dense<1.0> : !e
      %onef = arith.constant dense<1.0> : !f
      %sign_bits = arith.constant dense<{{ '0x80008000' if scale < 0 else '0' }}> : vector<16xi32>
      %factor = arith.constant dense<{{ '%.9e' | format((1.0 if scaled_first else scale | abs) * 1.4426950408889634) }}> : !f
{%- for c in polynomial %}
      %power{{ loop.index0 }} = arith.constant dense<{{ '%.9e' | format(c) }}> : !f
{%- endfor %}
      %lane = vector.step : vector<16xindex>
      {{- constant('depth', depth) }}
      {{- constant('steps', ds) }}
      {{- constant('vectors', (depth + 15) // 16) }}
      {{- constant('block', block_steps) }}
      %key_steps = arith.ceildivui {{ '%keys' if causal else '%seq' }}, %c32 : index
      %k_own = arith.addi %own, %c0 : index
      {{- at('v_own', 'a + b * %d' | format(32 * ds), '%own', '%key_steps') }}
      {{- at('q_own', 'a + b * %d' | format(32 * ds), '%v_own', '%key_steps') }}
      {{- at('s_own', 'a + %d' | format(rows * ds), '%q_own') }}
      {{- at('p_own', 'a + %d' | format(2 * rows * block_steps), '%s_own') }}
      {{- at('o_own', 'a + %d' | format(rows * block_steps), '%p_own') }}
      {{- at('l_own', 'a + %d' | format(2 * rows * ds), '%o_own') }}
      {{- at('m_own', 'a + %d' | format(rows), '%l_own') }}
{%- endmacro -%}
{%- macro pack() %}
        %last = arith.subi %hi, %c1 : index
        %key_tiles = arith.muli %count, %c2 : index
        scf.for %t = %c0 to %key_tiles step %c1 {
          scf.for %s = %c0 to %steps step %c1 {
            {{- at('channel', 'a * 32', '%s') }}
{%- for i in range(16) %}
            {{- at('k_at%d' | format(i), 'a + b * 16 + %d' | format(i), '%lo', '%t') }}
            {{- at('k_next%d' | format(i), 'a + 16', '%%k_at%d' | format(i)) }}
            {{- ahead('k_ahead%d' | format(i), '%k_base', '%%k_next%d' | format(i), '%channel', 2) }}
            {{- row('r0_%d' | format(i), '16xi32', '%ks', '%%k_at%d' | format(i), '%channel') }}
{%- endfor %}
            {{- transposed('i32') }}
            {{- at('k_to', 'a + (b * %d + c) * 16' | format(ds), '%k_own', '%t', '%s') }}
{%- for i in range(16) %}
            %kf{{ i }} = vector.bitcast %r4_{{ i }} : vector<16xi32> to !f
            {{- at('k_to%d' | format(i), 'a + %d' | format(i), '%k_to') }}
            vector.store %kf{{ i }}, %lines[%k_to{{ i }}, %c0] : !lines, !f
{%- endfor %}
          }
        }
        scf.for %t = %c0 to %count step %c1 {
          scf.for %s = %c0 to %steps step %c1 {
            {{- at('channel', 'a * 32', '%s') }}
            // Tile `2 s` of 16 channels, then tile `2 s + 1`.
            %v_tile = arith.muli %s, %c2 : index
            %v_in = arith.muli %v_tile, %key_steps : index
            {{- at('v_to', 'a + (b + c) * 16', '%v_own', '%v_in', '%t') }}
            {{- at('v_to_next', 'a + b * 16', '%v_to', '%key_steps') }}
            scf.for %i = %c0 to %c16 step %c1 {
              {{- at('v_at0', 'a + b * 32 + c * 2', '%lo', '%t', '%i') }}
              {{- at('v_at1', 'a + 1', '%v_at0') }}
              {{- at('v_next0', 'a + 16', '%v_at0') }}
              {{- at('v_next1', 'a + 17', '%v_at0') }}
              {{- ahead('v_ahead0', '%v_base', '%v_next0', '%channel', 2) }}
              {{- ahead('v_ahead1', '%v_base', '%v_next1', '%channel', 2) }}
              {{- row('v0', '32xi16', '%vs', '%v_at0', '%channel') }}
              {{- row('v1', '32xi16', '%vs', '%v_at1', '%channel') }}
{%- for half in range(2) %}
              %pair{{ half }} = vector.shuffle %v0, %v1 [{% for c in range(16) %}{{ half * 16 + c }}, {{ 32 + half * 16 + c }}{{ ', ' if not loop.last }}{% endfor %}] : vector<32xi16>, vector<32xi16>
              %pf{{ half }} = vector.bitcast %pair{{ half }} : vector<32xi16> to !f
              %v_line{{ half }} = arith.addi {{ '%v_to_next' if half else '%v_to' }}, %i : index
              vector.store %pf{{ half }}, %lines[%v_line{{ half }}, %c0] : !lines, !f
{%- endfor %}
            }
          }
        }
{%- endmacro -%}
{%- macro softmax() %}
          scf.for %r = %c0 to %rn step %c1 {
            {{- at('s_row', 'a + b', '%s_own', '%r') }}
            {{- at('p_row', 'a + b', '%p_own', '%r') }}
            {{- at('l_row', 'a + b', '%l_own', '%r') }}
            {{- at('m_row', 'a + b', '%m_own', '%r') }}
            %m_old = vector.load %lines[%m_row, %c0] : !lines, !f
            %tops:2 = scf.for %g = %c0 to %whole step %c1 iter_args(%x = %lowest, %y = %lowest) -> (!f, !f) {
              {{- at('s_at0', 'a + b * %d' | format(2 * rows), '%s_row', '%g') }}
              {{- at('s_at1', 'a + %d' | format(rows), '%s_at0') }}
              %s0 = vector.load %lines[%s_at0, %c0] : !lines, !f
              %s1 = vector.load %lines[%s_at1, %c0] : !lines, !f
              %g0 = arith.cmpf ogt, %s0, %x : !f
              %g1 = arith.cmpf ogt, %s1, %y : !f
              %x_new = arith.select %g0, %s0, %x : !mask, !f
              %y_new = arith.select %g1, %s1, %y : !mask, !f
              scf.yield %x_new, %y_new : !f, !f
            }
            {{- at('tail_at0', 'a + b * %d' | format(2 * rows), '%s_row', '%whole') }}
            {{- at('tail_at1', 'a + %d' | format(rows), '%tail_at0') }}
            %top_tail = scf.if %has_tail -> (!f) {
              %s0 = vector.load %lines[%tail_at0, %c0] : !lines, !f
              %s1 = vector.load %lines[%tail_at1, %c0] : !lines, !f
              %g0 = arith.cmpf ogt, %s0, %tops#0 : !f
              %in0 = arith.andi %g0, %inside0 : !mask
              %x_new = arith.select %in0, %s0, %tops#0 : !mask, !f
              %g1 = arith.cmpf ogt, %s1, %x_new : !f
              %in1 = arith.andi %g1, %inside1 : !mask
              %y_new = arith.select %in1, %s1, %x_new : !mask, !f
              scf.yield %y_new : !f
            } else {
              scf.yield %tops#0 : !f
            }
            %g_both = arith.cmpf ogt, %tops#1, %top_tail : !f
            %top16 = arith.select %g_both, %tops#1, %top_tail : !mask, !f
            {{- largest() }}
            %m_here = arith.mulf %top1, %factor : !f
            %m_more = arith.cmpf ogt, %m_here, %m_old : !f
            %m_new = arith.select %m_more, %m_here, %m_old : !mask, !f
            vector.store %m_new, %lines[%m_row, %c0] : !lines, !f
            %m_neg = arith.negf %m_new : !f
            %l_old = vector.load %lines[%l_row, %c0] : !lines, !f
            // What earlier blocks computed is made smaller, if this block has a larger score.
            %m_0 = vector.extract %m_new[0] : f32 from !f
            %m_1 = vector.extract %m_old[0] : f32 from !f
            %m_same = arith.cmpf oeq, %m_0, %m_1 : f32
            %l_kept = scf.if %m_same -> (!f) {
              scf.yield %l_old : !f
            } else {
              %less = arith.subf %m_old, %m_new : !f
              {{- power('shrink', '%zero', '%less') }}
              scf.if %is_later {
                scf.for %t = %c0 to %vectors step %c1 {
                  {{- at('o_row', 'a + b + c * %d' | format(rows), '%o_own', '%r', '%t') }}
                  %o = vector.load %lines[%o_row, %c0] : !lines, !f
                  %o_less = arith.mulf %o, %shrink : !f
                  vector.store %o_less, %lines[%o_row, %c0] : !lines, !f
                }
              }
              %l_less = arith.mulf %l_old, %shrink : !f
              scf.yield %l_less : !f
            }
            %l_whole = scf.for %g = %c0 to %whole step %c1 iter_args(%l = %l_kept) -> (!f) {
              {{- at('s_at0', 'a + b * %d' | format(2 * rows), '%s_row', '%g') }}
              {{- at('s_at1', 'a + %d' | format(rows), '%s_at0') }}
              %s0 = vector.load %lines[%s_at0, %c0] : !lines, !f
              %s1 = vector.load %lines[%s_at1, %c0] : !lines, !f
              {{- power('p0', '%s0', '%m_neg') }}
              {{- power('p1', '%s1', '%m_neg') }}
              %p = llvm.call_intrinsic "llvm.x86.avx512bf16.cvtne2ps2bf16.512"(%p1, %p0) : (!f, !f) -> !e
              %pf = vector.bitcast %p : !e to !f
              {{- at('p_at', 'a + b * %d' | format(rows), '%p_row', '%g') }}
              vector.store %pf, %lines[%p_at, %c0] : !lines, !f
              %l_new = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%l, %p, %ones) : (!f, !e, !e) -> !f
              scf.yield %l_new : !f
            }
            %l_all = scf.if %has_tail -> (!f) {
              %s0 = vector.load %lines[%tail_at0, %c0] : !lines, !f
              %s1 = vector.load %lines[%tail_at1, %c0] : !lines, !f
              {{- power('p0', '%s0', '%m_neg') }}
              {{- power('p1', '%s1', '%m_neg') }}
              %p0_in = arith.select %inside0, %p0, %zero : !mask, !f
              %p1_in = arith.select %inside1, %p1, %zero : !mask, !f
              %p = llvm.call_intrinsic "llvm.x86.avx512bf16.cvtne2ps2bf16.512"(%p1_in, %p0_in) : (!f, !f) -> !e
              %pf = vector.bitcast %p : !e to !f
              {{- at('p_at', 'a + b * %d' | format(rows), '%p_row', '%whole') }}
              vector.store %pf, %lines[%p_at, %c0] : !lines, !f
              %l_new = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%l_whole, %p, %ones) : (!f, !e, !e) -> !f
              scf.yield %l_new : !f
            } else {
              scf.yield %l_whole : !f
            }
            vector.store %l_all, %lines[%l_row, %c0] : !lines, !f
          }
{%- endmacro -%}
{%- macro change() %}
            scf.for %r = %c0 to %rn step %c1 {
              {{- changes_of_row('%key_at') }}
              {{- at('s_row', 'a + b', '%s_own', '%r') }}
              scf.for %key = %c0 to %kn step %c16 {
                {{- at('s_at', 'a + b floordiv 16 * %d' | format(rows), '%s_row', '%key') }}
                %s_old = vector.load %lines[%s_at, %c0] : !lines, !f
                {{- changed('s', '%s_old', '%key', '%key_at') }}
                vector.store %s, %lines[%s_at, %c0] : !lines, !f
              }
            }
{%- endmacro -%}
{%- macro attend(rows_read, scores, values) %}
          {{- rows_read() }}
          scf.for %r = %c0 to %rows_read step %c1 {
            %r_last = arith.subi %rn, %c1 : index
            %r_in = arith.minsi %r, %r_last : index
            %q_at = arith.addi %rb, %r_in : index
            scf.for %s = %c0 to %steps step %c1 {
              {{- at('channel', 'a * 32', '%s') }}
              %x = vector.transfer_read %qs[%b, %q_at, %h, %channel], %zeroe {in_bounds = [{{ dfull }}]} : !q, !e
              %bits = vector.bitcast %x : !e to vector<16xi32>
              %signed = arith.xori %bits, %sign_bits : vector<16xi32>
              %xf = vector.bitcast %signed : vector<16xi32> to !f
              {{- at('q_to', 'a + b * %d + c' | format(rows), '%q_own', '%s', '%r') }}
              vector.store %xf, %lines[%q_to, %c0] : !lines, !f
            }
            %l_to = arith.addi %l_own, %r : index
            %m_to = arith.addi %m_own, %r : index
            vector.store %zero, %lines[%l_to, %c0] : !lines, !f
            vector.store %lowest, %lines[%m_to, %c0] : !lines, !f
          }
          {{- visible() }}
          {{- at('step_first', 'a floordiv %d * %d' | format(block, block_steps), '%key_first') }}
          %step_until = arith.ceildivui %key_until, %c32 : index
          scf.for %key0 = %step_first to %step_until step %block {
            %left = arith.subi %step_until, %key0 : index
            %here = arith.minsi %left, %block : index
            %is_later = arith.cmpi ne, %key0, %step_first : index
            // Steps whose 32 keys are all inside, and whether there is one more.
            {{- at('keys_left', 'a - b * 32', '%key_until', '%key0') }}
            %steps_left = arith.divui %keys_left, %c32 : index
            %whole = arith.minsi %steps_left, %here : index
            %has_tail = arith.cmpi slt, %whole, %here : index
            {{- at('tail', 'a - b * 32', '%keys_left', '%whole') }}
            {{- at('tail_next', 'a - 16', '%tail') }}
            %tails0 = vector.broadcast %tail : index to vector<16xindex>
            %tails1 = vector.broadcast %tail_next : index to vector<16xindex>
            %inside0 = arith.cmpi slt, %lane, %tails0 : vector<16xindex>
            %inside1 = arith.cmpi slt, %lane, %tails1 : vector<16xindex>
            {{- scores() }}
{%- if causal %}
            {{- at('key_at', 'a * 32', '%key0') }}
            {{- at('keys_here', 'a * 32', '%here') }}
            %kn = arith.minsi %keys_left, %keys_here : index
            {{- changes('%key_at', '%kn') }}
            scf.if %is_changed {
              {{- change() }}
            }
{%- endif %}
            {{- softmax() }}
            {{- values() }}
          }
          scf.for %r = %c0 to %rn step %c1 {
            %l_at = arith.addi %l_own, %r : index
            %l = vector.load %lines[%l_at, %c0] : !lines, !f
            %sum = vector.reduction <add>, %l fastmath<reassoc> : !f into f32
            %sums = vector.broadcast %sum : f32 to !f
{%- if causal %}
{%- if sinks %}
            {{- at('m_at', 'a + b', '%m_own', '%r') }}
            %m_keys = vector.load %lines[%m_at, %c0] : !lines, !f
            {{- sink_score() }}
            %sink_log2 = arith.mulf %sink_each, %factor : !f
            %sink_more = arith.cmpf ogt, %sink_log2, %m_keys : !f
            %m_all = arith.select %sink_more, %sink_log2, %m_keys : !mask, !f
            %keys_less = arith.subf %m_keys, %m_all : !f
            %sink_less = arith.subf %sink_log2, %m_all : !f
            {{- power('keys_part', '%zero', '%keys_less') }}
            {{- power('sink_part', '%zero', '%sink_less') }}
            %sum_all = math.fma %sums, %keys_part, %sink_part : !f
            %share_some = arith.divf %keys_part, %sum_all : !f
{%- else %}
            %sum_all = arith.bitcast %sums : !f to !f
            %share_some = arith.divf %onef, %sum_all : !f
{%- endif %}
            // A token that sees no key gets zeros.
            %no_keys = arith.cmpf oeq, %sum_all, %zero : !f
            %share = arith.select %no_keys, %zero, %share_some : !mask, !f
{%- else %}
            %share = arith.divf %onef, %sums : !f
{%- endif %}
            %row = arith.addi %rb, %r : index
            scf.for %s = %c0 to %steps step %c1 {
              {{- at('channel', 'a * 32', '%s') }}
              {{- at('o_at0', 'a + b * %d + c' | format(2 * rows), '%o_own', '%s', '%r') }}
              {{- at('o_at1', 'a + %d' | format(rows), '%o_at0') }}
{%- for half in range(2) %}
              %o{{ half }} = vector.load %lines[%o_at{{ half }}, %c0] : !lines, !f
              %y{{ half }} = arith.mulf %o{{ half }}, %share : !f
{%- endfor %}
              %y = llvm.call_intrinsic "llvm.x86.avx512bf16.cvtne2ps2bf16.512"(%y1, %y0) : (!f, !f) -> !e
              vector.transfer_write %y, %os[%b, %row, %h, %channel] {in_bounds = [{{ dfull }}]} : !e, !q
            }
          }
{%- endmacro -%}
