{#- The form of attention in bfloat16 whose products are those of pairs, `vdpbf16ps`; see attention.mlir, and
attention_bf16.mlir for all but the products.

A tile of `tile_rows` query rows and 2 vectors of 16 keys, or of 16 channels, stays in registers. A
pair of the query or of probabilities is broadcast. Rows that fill no tile use tiles of `tile_few`
rows; a sum is made in the same order in both.
-#}
{%- from 'attention_index.mlir' import at, constant with context -%}
{%- from 'attention_lanes.mlir' import numbered, repeated with context -%}
{%- import 'attention_bf16.mlir' as frame with context -%}
{%- set ds = (depth + 31) // 32 -%}
{%- set sizes = frame.sizes -%}
{%- set pack = frame.pack -%}
{%- macro constants() %}
      {{- frame.constants() }}
      {{- constant('tile', tile_rows) }}
      {{- constant('tile_few', tile_few) }}
      {{- constant('channel_pairs', (depth + 1) // 2) }}
      // Steps whose second 16 channels are there.
      {{- constant('steps_whole', (depth + 15) // 32) }}
      %base_i64 = arith.index_cast %base : index to i64
      %words = llvm.inttoptr %base_i64 : i64 to !llvm.ptr
{%- endmacro -%}
{%- macro product(count, width, left, rights, pairs, to, is_later='') %}
            {#- Adds for each pair: broadcast pairs of `count` rows times `width` lines of 16 pairs -#}
{%- if is_later %}
            // Masked, because LLVM makes a branch of a select of what is loaded.
            %each_later = vector.broadcast {{ is_later }} : i1 to !mask
{%- endif %}
{%- for r in range(count) %}{% for j in range(width) %}{% set q = r * width + j %}
            {{- at('to%d' | format(q), 'a + %d' | format(r + j * rows), to) }}
{%- if is_later %}
            %first{{ q }} = vector.maskedload %lines[%to{{ q }}, %c0], %each_later, %zero : !lines, !mask, !f into !f
{%- else %}
            %first{{ q }} = arith.bitcast %zero : !f to !f
{%- endif %}
{%- endfor %}{% endfor %}
            %sums:{{ count * width }} = scf.for %i = %c0 to {{ pairs }} step %c1 iter_args({% for q in range(count * width) %}%a{{ q }} = %first{{ q }}{{ ', ' if not loop.last }}{% endfor %}) -> ({{ repeated(count * width, '!f') }}) {
{%- for j in range(width) %}
              {{- at('right_at%d' | format(j), 'a + b', rights[j], '%i') }}
              %right_f{{ j }} = vector.load %lines[%right_at{{ j }}, %c0] : !lines, !f
              %right{{ j }} = vector.bitcast %right_f{{ j }} : !f to !e
{%- endfor %}
              // The lines of a step of 16 pairs are those of all rows.
              %step = arith.divui %i, %c16 : index
              %in_step = arith.remui %i, %c16 : index
              {{- at('left_at', 'a * 16 + b * %d + c' | format(16 * rows), left, '%step', '%in_step') }}
              %left_i64 = arith.index_cast %left_at : index to i64
              %left_p = llvm.getelementptr %words[%left_i64] : (!llvm.ptr, i64) -> !llvm.ptr, i32
{%- for r in range(count) %}
              %left_p{{ r }} = llvm.getelementptr %left_p[{{ 16 * r }}] : (!llvm.ptr) -> !llvm.ptr, i32
              %left{{ r }} = llvm.load %left_p{{ r }} : !llvm.ptr -> i32
              %lefts_i32{{ r }} = vector.broadcast %left{{ r }} : i32 to vector<16xi32>
              %lefts{{ r }} = vector.bitcast %lefts_i32{{ r }} : vector<16xi32> to !e
{%- for j in range(width) %}{% set q = r * width + j %}
              %n{{ q }} = llvm.call_intrinsic "llvm.x86.avx512bf16.dpbf16ps.512"(%a{{ q }}, %lefts{{ r }}, %right{{ j }}) : (!f, !e, !e) -> !f
{%- endfor %}{% endfor %}
              scf.yield {{ numbered(count * width, '%n') }} : {{ repeated(count * width, '!f') }}
            }
{%- for q in range(count * width) %}
            vector.store %sums#{{ q }}, %lines[%to{{ q }}, %c0] : !lines, !f
{%- endfor %}
{%- endmacro -%}
{%- macro of_rows(width, own, rights, pairs, to, is_later='') %}
{%- for first, end, step, count in (('%c0', '%rows_whole', '%tile', tile_rows), ('%rows_whole', '%rn', '%tile_few', tile_few)) %}
            scf.for %t = {{ first }} to {{ end }} step {{ step }} {
              %left_line = arith.addi {{ own }}, %t : index
              %to_line = arith.addi {{ to }}, %t : index
              {{- product(count, width, '%left_line', rights, pairs, '%to_line', is_later) }}
            }
{%- endfor %}
{%- endmacro -%}
{%- macro scores() %}
          scf.for %g = %c0 to %here step %c1 {
            {{- at('key_tile', '(a + b) * 2', '%key0', '%g') }}
            {{- at('k_lines0', 'a + b * %d' | format(16 * ds), '%k_own', '%key_tile') }}
            {{- at('k_lines1', 'a + %d' | format(16 * ds), '%k_lines0') }}
            {{- at('s_to', 'a + b * %d' | format(2 * rows), '%s_own', '%g') }}
            {{- at('keys_in_step', 'a - b * 32', '%keys_left', '%g') }}
            %is_half = arith.cmpi sle, %keys_in_step, %c16 : index
            scf.if %is_half {
              {{- of_rows(1, '%q_own', ['%k_lines0'], '%channel_pairs', '%s_to') }}
            } else {
              {{- of_rows(2, '%q_own', ['%k_lines0', '%k_lines1'], '%channel_pairs', '%s_to') }}
            }
          }
{%- endmacro -%}
{%- macro values_of_step(width) %}
            %v_tile = arith.muli %s, %c2 : index
            %v_in = arith.muli %v_tile, %key_steps : index
            {{- at('v_lines0', 'a + (b + c) * 16', '%v_own', '%v_in', '%key0') }}
            {{- at('v_lines1', 'a + b * 16', '%v_lines0', '%key_steps') }}
            {{- at('o_to', 'a + b * %d' | format(2 * rows), '%o_own', '%s') }}
            {{- of_rows(width, '%p_own', ['%v_lines0', '%v_lines1'], '%key_pairs', '%o_to', '%is_later') }}
{%- endmacro -%}
{%- macro values() %}
          {{- at('pairs_here', 'a * 16', '%here') }}
          %pairs_left = arith.ceildivui %keys_left, %c2 : index
          %key_pairs = arith.minsi %pairs_here, %pairs_left : index
          scf.for %s = %c0 to %steps_whole step %c1 {
            {{- values_of_step(2) }}
          }
          scf.for %s = %steps_whole to %steps step %c1 {
            {{- values_of_step(1) }}
          }
{%- endmacro -%}
{%- macro rows_read() %}
          // Rows in whole tiles, then in smaller ones, the last of which may have rows too many.
          %few = arith.remui %rn, %tile : index
          %rows_whole = arith.subi %rn, %few : index
          %few_tiles = arith.ceildivui %few, %tile_few : index
          {{- at('rows_read', 'a + b * %d' | format(tile_few), '%rows_whole', '%few_tiles') }}
{%- endmacro -%}
{%- macro attend() %}
          {{- frame.attend(rows_read, scores, values) }}
{%- endmacro -%}
