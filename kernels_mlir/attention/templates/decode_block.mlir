{#- What a worker of decode.mlir does with a block of keys: scores, softmax, and the sum of values. -#}
{%- from 'attention_index.mlir' import at, constant with context -%}
{%- from 'decode_index.mlir' import for_each_head, numbered, power, read, read_pairs, repeated with context -%}
{%- from 'decode_bytes.mlir' import scores_of_bytes with context -%}
{%- from 'decode_place.mlir' import fetch, fetch_scales, fetch_values, find, find_ahead, row_of with context -%}
{%- from 'decode_words.mlir' import in_order, interleaved, product, read_words, value_scales, weight_words with context -%}
{%- macro summed() %}{% set sum = '!i' if words else '!f' %}
              // Lane l of %sum is the sum of all lanes of %acc#l.
{%- for i in range(lanes) %}
              %w0_{{ i }} = arith.bitcast %acc#{{ i }} : {{ sum }} to {{ sum }}
{%- endfor %}
{%- set s = namespace(n=lanes, stage=0) %}
{%- for _ in range(5) if s.n > 1 %}{% set half = s.n // 2 %}
{%- for i in range(half) %}
{%- for high in range(2) %}
              %w{{ s.stage }}_{{ i }}_{{ high }} = vector.shuffle %w{{ s.stage }}_{{ i }}, %w{{ s.stage }}_{{ i + half }} [
              {%- for p in range(lanes) %}{% set q = p // s.n %}{% set in = p % s.n %}{{ (lanes if in >= half else 0) + q * s.n + in % half + high * half }}{{ ', ' if not loop.last }}{% endfor %}] : {{ sum }}, {{ sum }}
{%- endfor %}
              %w{{ s.stage + 1 }}_{{ i }} = arith.add{{ 'i' if words else 'f' }} %w{{ s.stage }}_{{ i }}_0, %w{{ s.stage }}_{{ i }}_1 : {{ sum }}
{%- endfor %}
{%- set s.n = half %}{% set s.stage = s.stage + 1 %}
{%- endfor %}
{%- if words %}
              %sum = arith.sitofp %w{{ s.stage }}_0 : !i to !f
{%- else %}
              %sum = arith.bitcast %w{{ s.stage }}_0 : !f to !f
{%- endif %}
{%- endmacro -%}
{%- macro by_head(name, value, operation) %}
            {#- Combine the lanes of each head: lane l gets the result of all lanes l + n * heads_each -#}
{%- set steps = [] %}{% set step = namespace(n=heads_each) %}{% for _ in range(5) if step.n < lanes %}{{ steps.append(step.n) or '' }}{% set step.n = step.n * 2 %}{% endfor %}
            %{{ name }}_0 = arith.bitcast {{ value }} : !f to !f
{%- for n in steps %}
            %{{ name }}_o{{ loop.index }} = vector.shuffle %{{ name }}_{{ loop.index0 }}, %{{ name }}_{{ loop.index0 }} [{% for i in range(lanes) %}{{ (i + n) % lanes }}{{ ', ' if not loop.last }}{% endfor %}] : !f, !f
{%- if operation == 'add' %}
            %{{ name }}_{{ loop.index }} = arith.addf %{{ name }}_{{ loop.index0 }}, %{{ name }}_o{{ loop.index }} : !f
{%- else %}
            %{{ name }}_g{{ loop.index }} = arith.cmpf ogt, %{{ name }}_o{{ loop.index }}, %{{ name }}_{{ loop.index0 }} : !f
            %{{ name }}_{{ loop.index }} = arith.select %{{ name }}_g{{ loop.index }}, %{{ name }}_o{{ loop.index }}, %{{ name }}_{{ loop.index0 }} : !mask, !f
{%- endif %}
{%- endfor %}
            %{{ name }} = arith.bitcast %{{ name }}_{{ steps | length }} : !f to !f
{%- endmacro -%}
{%- macro scores() %}
{%- if words %}
          %factors = vector.load %own[%factor_line, %c0] : !lines, !f
{%- if by_bytes %}
          %offset_f = vector.load %own[%offset_line, %c0] : !lines, !f
          %offset = arith.bitcast %offset_f : !f to !i
{%- endif %}
{%- endif %}
          %top{{ ', %most_each' if words }} = scf.for %t0 = %t_block to %block_end step %c16 iter_args(%top_a = %lowest{{ ', %most_a = %zero_few' if words }}) -> (!f{{ ', vector<16xf32>' if words }}) {
            {{- find() }}
            {{- find_ahead() }}
{%- if scaled %}
            {{- fetch_scales() }}
{%- endif %}
            %seen_one = arith.maxsi %seen, %c1 : index
            %last = arith.subi %seen_one, %c1 : index
            %before = arith.subi %k_first, %t0 : index
{%- if words %}
            {{- value_scales() }}
{%- endif %}
            {{- at('s_line0', 'a + (b - c) floordiv %d' | format(keys_each), '%s_own', '%t0', '%t_block') }}
{%- if by_bytes %}
            {{- scores_of_bytes() }}
{%- else %}
            %top_b = scf.for %i = %c0 to %here step %keys_each iter_args(%x = %top_a) -> (!f) {
{%- for j in range(keys_each) %}
              {{- at('key%d' | format(j), 'a + %d' | format(j), '%i') }}
              %in{{ j }} = arith.minsi %key{{ j }}, %last : index
              {{- row_of('row%d' | format(j + 1), '%%in%d' | format(j)) }}
{%- endfor %}
{%- for j in range(keys_each) %}
              {{- fetch('fetched%d' | format(j), '%k_base', '%%key%d' | format(j), '%c0', depth * cache_bytes) }}
{%- endfor %}
{%- set sum = '!i' if words else '!f' %}
              %acc:{{ lanes }} = scf.for %line = %c0 to %{{ 'd_words' if words else 'd_pairs' if pairs else 'd_lines' }} step %c1 iter_args({{ numbered(lanes, '%a', ' = %zero_i' if words else ' = %zero') }}) -> ({{ repeated(lanes, sum) }}) {
                {{- at('d', 'a * %d' | format(2 * lanes if words else 32 if pairs else lanes), '%line') }}
{%- for h in range(heads_each) %}
                {{- at('q_at%d' | format(h), 'a + b + %d' | format(h * d_lines), '%q_tile', '%line') }}
                %q{{ h }} = vector.load %own[%q_at{{ h }}, %c0] : !lines, !f
{%- if words %}
                %q_words{{ h }} = vector.bitcast %q{{ h }} : !f to vector<{{ 2 * lanes }}xi16>
{%- elif pairs %}
                %q_pairs{{ h }} = vector.bitcast %q{{ h }} : !f to vector<32xbf16>
{%- endif %}
{%- endfor %}
{%- for j in range(keys_each) %}
{%- if words %}
                {{- read_words('k%d' | format(j), '%ks', '%%row%d, %%d' | format(j + 1)) }}
{%- elif pairs %}
                {{- read_pairs('k%d' | format(j), '%ks', '%%row%d, %%d' | format(j + 1)) }}
{%- else %}
                {{- read('k%d' | format(j), '%ks', cache, '%%row%d, %%d' | format(j + 1)) }}
{%- endif %}
{%- for h in range(heads_each) %}{% set n = j * heads_each + h %}
{%- if words %}
                {{- product('n%d' | format(n), '%%a%d' | format(n), '%%k%d' | format(j), '%%q_words%d' | format(h)) }}
{%- elif pairs %}
                %n{{ n }} = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%a{{ n }}, %k{{ j }}, %q_pairs{{ h }}) : (!f, vector<32xbf16>, vector<32xbf16>) -> !f
{%- else %}
                %n{{ n }} = math.fma %k{{ j }}, %q{{ h }}, %a{{ n }} : !f
{%- endif %}
{%- endfor %}{% endfor %}
                scf.yield {{ numbered(lanes, '%n') }} : {{ repeated(lanes, sum) }}
              }
              {{- summed() }}
{%- if scaled %}
              {{- at('scale_at', 'a + b', '%row0', '%i') }}
              %ksc_few = vector.load %kscs[%scale_at] : memref<?xf32>, vector<{{ keys_each }}xf32>
              {{- for_each_head('ksc', '%ksc_few', 'f32') }}
              %sum_k = arith.mulf %sum, %ksc : !f
              %score_s = arith.mulf %sum_k, {{ '%factors' if words else '%scale' }} : !f
{%- else %}
              %score_s = arith.mulf %sum, %scale : !f
{%- endif %}
{%- if soft_cap %}
              %score_d = arith.mulf %score_s, %cap_inverse : !f
              %score_t = func.call @row_tanh(%score_d) : (!f) -> !f
              %score_c = arith.mulf %score_t, %cap : !f
{%- else %}
              %score_c = arith.bitcast %score_s : !f to !f
{%- endif %}
{%- if mask %}
              {{- at('mask_at', 'a + b', '%t0', '%i') }}
              %mask_few = vector.transfer_read %masks[%mask_row, %mask_at], %zero_{{ mask }} : memref<?x?x{{ mask }}>, vector<{{ keys_each }}x{{ mask }}>
              {{- for_each_head('mask_all', '%mask_few', mask) }}
{%- if mask == 'f32' %}
              %score_m = arith.addf %score_c, %mask_all : !f
{%- else %}
              %mask_wide = arith.extf %mask_all : vector<{{ lanes }}x{{ mask }}> to !f
              %score_m = arith.addf %score_c, %mask_wide : !f
{%- endif %}
{%- else %}
              %score_m = arith.bitcast %score_c : !f to !f
{%- endif %}
              %i_from = arith.subi %before, %i : index
              %i_until = arith.subi %seen, %i : index
              %from_i32 = arith.index_cast %i_from : index to i32
              %until_i32 = arith.index_cast %i_until : index to i32
              %froms = vector.broadcast %from_i32 : i32 to !i
              %untils = vector.broadcast %until_i32 : i32 to !i
              %after = arith.cmpi sge, %lane_key, %froms : !i
              %until = arith.cmpi slt, %lane_key, %untils : !i
              %inside = arith.andi %after, %until : !mask
              %s = arith.select %inside, %score_m, %none : !mask, !f
              {{- at('s_line', 'a + b floordiv %d' | format(keys_each), '%s_line0', '%i') }}
              vector.store %s, %own[%s_line, %c0] : !lines, !f
              %more = arith.cmpf ogt, %s, %x : !f
              %x_new = arith.select %more, %s, %x : !mask, !f
              scf.yield %x_new : !f
            }
{%- endif %}
            scf.yield %top_b{{ ', %most_b' if words }} : !f{{ ', vector<16xf32>' if words }}
          }
{%- endmacro -%}
{%- macro softmax() %}
          {{- by_head('top1', '%top', 'max') }}
          %m_old = vector.load %parts[%m_line, %c0] : !lines, !f
          %m_more = arith.cmpf ogt, %top1, %m_old : !f
          %m_new = arith.select %m_more, %top1, %m_old : !mask, !f
          vector.store %m_new, %parts[%m_line, %c0] : !lines, !f
          %less = arith.subf %m_old, %m_new : !f
          {{- power('shrink', '%less') }}
          vector.store %shrink, %own[%shrink_own, %c0] : !lines, !f
{%- if words %}
          // Weights are words of the largest one: they count e ** (top1 - m_new) in the sum.
          %grown = arith.subf %top1, %m_new : !f
          {{- power('grow', '%grown') }}
          %most_any = vector.reduction <maximumf>, %most_each, %least_scale : vector<16xf32> into f32
          %most_inverse = arith.divf %most_word, %most_any : f32
          %most_inverses = vector.broadcast %most_inverse : f32 to !f
          %most_unit = arith.mulf %most_any, %word_unit : f32
          %most_units = vector.broadcast %most_unit : f32 to !f
          %grow_words = arith.mulf %grow, %most_units : !f
          vector.store %grow_words, %own[%grow_own, %c0] : !lines, !f
{%- endif %}
          %keys_here = arith.subi %block_end, %t_block : index
          %vectors = arith.ceildivui %keys_here, %keys_each : index
          %sum_here = scf.for %n = %c0 to %vectors step %c1 iter_args(%l = %zero) -> (!f) {
            %s_line = arith.addi %s_own, %n : index
            %s = vector.load %own[%s_line, %c0] : !lines, !f
            %y = arith.subf %s, {{ '%top1' if words else '%m_new' }} : !f
            {{- power('p', '%y') }}
            %l_new = arith.addf %l, %p : !f
{%- if words %}
            {{- weight_words() }}
{%- elif scaled %}
            {{- at('n_key', 'a + b * %d' | format(keys_each), '%t_block', '%n') }}
            {{- at('t0', 'a floordiv 16 * 16', '%n_key') }}
            {{- find() }}
            {{- at('scale_at', 'a + b - c', '%row0', '%n_key', '%t0') }}
            %vsc_few = vector.load %vscs[%scale_at] : memref<?xf32>, vector<{{ keys_each }}xf32>
            {{- for_each_head('vsc', '%vsc_few', 'f32') }}
            %p_kept = arith.mulf %p, %vsc : !f
            vector.store %p_kept, %own[%s_line, %c0] : !lines, !f
{%- else %}
            vector.store %p, %own[%s_line, %c0] : !lines, !f
{%- endif %}
            scf.yield %l_new : !f
          }
          %l_old = vector.load %parts[%l_line, %c0] : !lines, !f
{%- if words %}
          %sum_grown = arith.mulf %sum_here, %grow : !f
          %l_next = math.fma %l_old, %shrink, %sum_grown : !f
{%- else %}
          %l_next = math.fma %l_old, %shrink, %sum_here : !f
{%- endif %}
          vector.store %l_next, %parts[%l_line, %c0] : !lines, !f
{%- endmacro -%}
{%- macro products_of_pair() %}
                {#- The products of keys %j and %j + 1 with their weights, all heads of a tile -#}
                {{- at('j_next', 'a + 1', '%j') }}
                {{- row_of('row', '%j') }}
                {{- row_of('row_next', '%j_next') }}
                {{- fetch_values(2, '%line0', channel_vectors) }}
                {{- at('p_index', 'a + b floordiv 2 * %d' | format(heads_each), '%p_at', '%j') }}
                %p_i64 = arith.index_cast %p_index : index to i64
                %p_to = llvm.getelementptr %own_base[%p_i64] : (!llvm.ptr, i64) -> !llvm.ptr, f32
{%- for h in range(heads_each) %}
                %p_to{{ h }} = llvm.getelementptr %p_to[{{ h }}] : (!llvm.ptr) -> !llvm.ptr, f32
                %p_one{{ h }} = llvm.load %p_to{{ h }} : !llvm.ptr -> i32
                %p_two{{ h }} = vector.broadcast %p_one{{ h }} : i32 to !i
                %p{{ h }} = vector.bitcast %p_two{{ h }} : !i to vector<{{ 2 * lanes }}xi16>
{%- endfor %}
{%- for c in range(0, channel_vectors, 2) %}
                {{- at('d%d' | format(c + 1), 'a + %d' | format(c * lanes), '%d0') }}
                {{- read_words('v%d' | format(c), '%vs', '%%row, %%d%d' | format(c + 1)) }}
                {{- read_words('u%d' | format(c), '%vs', '%%row_next, %%d%d' | format(c + 1)) }}
{%- for high in range(2) %}
                {{- interleaved('x%d' | format(c + high), '%%v%d' | format(c), '%%u%d' | format(c), high) }}
{%- for h in range(heads_each) %}{% set n = h * channel_vectors + c + high %}
                {{- product('n%d' | format(n), '%%b%d' | format(n), '%%x%d' | format(c + high), '%%p%d' | format(h)) }}
{%- endfor %}{% endfor %}{% endfor %}
{%- endmacro -%}
{%- macro values() %}
{%- set count = heads_each * channel_vectors %}{% set sum = '!i' if words else '!f' %}
          scf.for %line0 = %c0 to %d_lines step %lines_each {
            {{- at('d0', 'a * %d' | format(lanes), '%line0') }}
            %acc:{{ count }} = scf.for %t0 = %t_block to %block_end step %c16 iter_args({{ numbered(count, '%a', ' = %zero_i' if words else ' = %zero') }}) -> ({{ repeated(count, sum) }}) {
              {{- find() }}
              {{- find_ahead() }}
              %before = arith.subi %k_first, %t0 : index
              %j_first = arith.maxsi %before, %c0 : index
{%- if words %}
              {{- at('j_even', 'a floordiv 2 * 2', '%j_first') }}
              {{- at('p_at', 'a * %d + (b - c) floordiv 2 * %d' | format(lanes, heads_each), '%s_own', '%t0', '%t_block') }}
{%- else %}
              {{- at('p_at', 'a * %d + (b - c) * %d' | format(lanes, heads_each), '%s_own', '%t0', '%t_block') }}
{%- endif %}
              %in:{{ count }} = scf.for %j = %j_{{ 'even' if words else 'first' }} to %seen step %{{ 'two_keys' if words else 'c1' }} iter_args({% for i in range(count) %}%b{{ i }} = %a{{ i }}{{ ', ' if not loop.last }}{% endfor %}) -> ({{ repeated(count, sum) }}) {
{%- if words %}
                {{- products_of_pair() }}
{%- else %}
                {{- row_of('row', '%j') }}
                {{- fetch_values(1, '%line0', channel_vectors) }}
{%- for c in range(channel_vectors) %}
                {{- at('d%d' | format(c + 1), 'a + %d' | format(c * lanes), '%d0') }}
                {{- read('v%d' | format(c), '%vs', cache, '%%row, %%d%d' | format(c + 1)) }}
{%- endfor %}
                {{- at('p_index', 'a + b * %d' | format(heads_each), '%p_at', '%j') }}
                %p_i64 = arith.index_cast %p_index : index to i64
                %p_to = llvm.getelementptr %own_base[%p_i64] : (!llvm.ptr, i64) -> !llvm.ptr, f32
{%- for h in range(heads_each) %}
                %p_to{{ h }} = llvm.getelementptr %p_to[{{ h }}] : (!llvm.ptr) -> !llvm.ptr, f32
                %p_one{{ h }} = llvm.load %p_to{{ h }} : !llvm.ptr -> f32
                %p{{ h }} = vector.broadcast %p_one{{ h }} : f32 to !f
{%- for c in range(channel_vectors) %}{% set n = h * channel_vectors + c %}
                %n{{ n }} = math.fma %v{{ c }}, %p{{ h }}, %b{{ n }} : !f
{%- endfor %}{% endfor %}
{%- endif %}
                scf.yield {{ numbered(count, '%n') }} : {{ repeated(count, sum) }}
              }
              scf.yield {{ numbered(count, '%in#') }} : {{ repeated(count, sum) }}
            }
            {{- at('o_first', 'a + b', '%o_tile', '%line0') }}
{%- if words %}
{%- for n in range(count) %}
            %f{{ n }} = arith.sitofp %acc#{{ n }} : !i to !f
{%- endfor %}
{%- for n in range(0, count, 2) %}
            {{- in_order('g%d' | format(n), '%%f%d' | format(n), '%%f%d' | format(n + 1), 0) }}
            {{- in_order('g%d' | format(n + 1), '%%f%d' | format(n), '%%f%d' | format(n + 1), 1) }}
{%- endfor %}
{%- endif %}
{%- for h in range(heads_each) %}
            %h{{ h }} = arith.constant {{ h }} : index
            %shrink_one{{ h }} = memref.load %own[%shrink_own, %h{{ h }}] : !lines
            %shrink{{ h }} = vector.broadcast %shrink_one{{ h }} : f32 to !f
{%- if words %}
            %grow_one{{ h }} = memref.load %own[%grow_own, %h{{ h }}] : !lines
            %grow{{ h }} = vector.broadcast %grow_one{{ h }} : f32 to !f
{%- endif %}
{%- for c in range(channel_vectors) %}{% set n = h * channel_vectors + c %}
            {{- at('o_at%d' | format(n), 'a + %d' | format(h * d_lines + c), '%o_first') }}
            %o_old{{ n }} = vector.load %parts[%o_at{{ n }}, %c0] : !lines, !f
{%- if words %}
            %part{{ n }} = arith.mulf %g{{ n }}, %grow{{ h }} : !f
            %o_new{{ n }} = math.fma %o_old{{ n }}, %shrink{{ h }}, %part{{ n }} : !f
{%- else %}
            %o_new{{ n }} = math.fma %o_old{{ n }}, %shrink{{ h }}, %acc#{{ n }} : !f
{%- endif %}
            vector.store %o_new{{ n }}, %parts[%o_at{{ n }}, %c0] : !lines, !f
{%- endfor %}{% endfor %}
          }
{%- endmacro -%}
{%- macro report() %}
        // The least and greatest length and page, for the check of them.
        %i64_least = arith.constant -9223372036854775808 : i64
        %i64_most = arith.constant 9223372036854775807 : i64
        %i64_0 = arith.constant 0 : i64
        {{- constant('c2', 2) }}
        {{- constant('c3', 3) }}
        %bounds:4 = scf.for %b = %c0 to %batch step %c1 iter_args(%ll = %i64_most, %lg = %i64_least, %tl = %i64_most, %tg = %i64_least) -> (i64, i64, i64, i64) {
          %len_e = memref.load %lengths[%b] : memref<?x{{ length }}>
          %len_any = arith.index_cast %len_e : {{ length }} to index
          %len_i64 = arith.index_cast %len_any : index to i64
          %ll_new = arith.minsi %ll, %len_i64 : i64
          %lg_new = arith.maxsi %lg, %len_i64 : i64
          %len_low = arith.maxsi %len_any, %c0 : index
          %len = arith.minsi %len_low, %table_keys : index
          {{- at('start_any', 'a - %d' | format(window), '%len') if window else at('start_any', 'a * 0', '%len') }}
          %start = arith.maxsi %start_any, %c0 : index
          %page_first = arith.divui %start, %page_keys : index
          %page_end = arith.ceildivui %len, %page_keys : index
          %row = arith.muli %b, %width : index
          %pages:2 = scf.for %p = %page_first to %page_end step %c1 iter_args(%l = %tl, %g = %tg) -> (i64, i64) {
            %at = arith.addi %row, %p : index
            %id_e = memref.load %table[%at] : memref<?x{{ entry }}>
            %id_any = arith.index_cast %id_e : {{ entry }} to index
            %id = arith.index_cast %id_any : index to i64
            %l_new = arith.minsi %l, %id : i64
            %g_new = arith.maxsi %g, %id : i64
            scf.yield %l_new, %g_new : i64, i64
          }
          scf.yield %ll_new, %lg_new, %pages#0, %pages#1 : i64, i64, i64, i64
        }
        {{- at('most_size', 'a + 1', '%table_keys') }}
        %most_size_i64 = arith.index_cast %most_size : index to i64
        %blocks_i64 = arith.index_cast %blocks : index to i64
{%- for value in ('%bounds#0', '%bounds#1', '%i64_0', '%most_size_i64', '%bounds#2', '%bounds#3', '%i64_0', '%blocks_i64') %}
        memref.store {{ value }}, %report[%c{{ loop.index0 // 4 }}, %c{{ loop.index0 % 4 }}] : memref<2x4xi64>
{%- endfor %}
{%- endmacro -%}
