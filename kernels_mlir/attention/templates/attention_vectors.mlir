{#- The form of attention in float32 vectors; see attention.mlir. Other dtypes are converted as they are
packed.

A tile of `tile_rows` query rows and `vectors` vectors of 16 keys, or of 16 channels, stays in registers.
Packed keys are [panel of keys][channel][key], packed values [panel of channels][key][channel]; a
number of the query or of a probability is broadcast. Sums are made in parts of `channels` channels,
or half of them, and of `keys` keys, and the parts are added: long sums lose more. Rows of scores,
and of sums, are `apart` lines from each other. The largest score is subtracted before the scale is
applied, where that costs the least accuracy. 2 to the power of a number is a polynomial of degree 6
of its part below the point (error 3e-9, exact at 0). `wide`: the CPU has AVX-512, and instructions
for the rest of that.
-#}
{%- from 'attention_index.mlir' import ahead, at, constant, largest, place, transposed with context -%}
{%- from 'attention_causal.mlir' import changed, changes, changes_of_row, sink_score, visible with context -%}
{%- set n0 = 16 * vectors -%}
{%- set q_lines = (depth + 15) // 16 -%}
{%- set panels = (depth + n0 - 1) // n0 -%}
{%- set o_lines = panels * vectors -%}
{%- set o_apart = apart(o_lines) -%}
{%- set s_apart = apart(block // 16) -%}
{%- set sizes = namespace(step_lines=2 * depth + 32 * o_lines, fixed_lines=rows * (q_lines + s_apart + o_apart + 2)) -%}
{%- set dfull = 'true' if depth % 16 == 0 else 'false' -%}
{%- set h = 'vector<16x%s>' | format(element) -%}
{%- from 'attention_lanes.mlir' import numbered, power, read, repeated with context -%}
{%- macro constants() %}
      %base_index = memref.extract_aligned_pointer_as_index %lines : !lines -> index
      %base_i64 = arith.index_cast %base_index : index to i64
      %base = llvm.inttoptr %base_i64 : i64 to !llvm.ptr
{%- if wide %}
      %downwards = llvm.mlir.constant(1 : i32) : i32
      %current = llvm.mlir.constant(4 : i32) : i32
      %all = llvm.mlir.constant(-1 : i16) : i16
{%- else %}
      %magic = arith.constant dense<1.2582912e7> : !f
      %c23 = arith.constant dense<23> : vector<16xi32>
      %under = arith.constant dense<-126.0> : !f
{%- endif %}
      %sign = arith.constant dense<{{ '-1.0' if scale < 0 else '1.0' }}> : !f
      %factor = arith.constant dense<{{ '%.9e' | format((1.0 if scaled_first else scale | abs) * 1.4426950408889634) }}> : !f
{%- for c in polynomial %}
      %power{{ loop.index0 }} = arith.constant dense<{{ '%.9e' | format(c) }}> : !f
{%- endfor %}
      %lane = vector.step : vector<16xindex>
      {{- constant('depth', depth) }}
      {{- constant('tile', tile_rows) }}
      {{- constant('tile_few', tile_few) }}
      {{- constant('block', block) }}
      {{- constant('panel_keys', n0) }}
      {{- constant('panels', panels) }}
      {{- constant('part_channels', [channels, [16, depth // 2] | max] | min) }}
      {{- constant('part_keys', keys) }}
      %key_steps = arith.ceildivui {{ '%keys' if causal else '%seq' }}, %c32 : index
      %k_own = arith.addi %own, %c0 : index
      {{- at('v_own', 'a + b * %d' | format(2 * depth), '%own', '%key_steps') }}
      {{- at('q_own', 'a + b * %d' | format(32 * o_lines), '%v_own', '%key_steps') }}
      {{- at('s_own', 'a + %d' | format(rows * q_lines), '%q_own') }}
      {{- at('o_own', 'a + %d' | format(rows * s_apart), '%s_own') }}
      {{- at('l_own', 'a + %d' | format(rows * o_apart), '%o_own') }}
      {{- at('m_own', 'a + %d' | format(rows), '%l_own') }}
      {{- at('q_flat', 'a * 16', '%q_own') }}
      {{- at('s_flat', 'a * 16', '%s_own') }}
{%- endmacro -%}
{%- macro pack() %}
        %last = arith.subi %hi, %c1 : index
        scf.for %key = %c0 to %length step %c16 {
          %panel = arith.divui %key, %panel_keys : index
          %in_panel = arith.remui %key, %panel_keys : index
          %vector = arith.divui %in_panel, %c16 : index
          scf.for %d = %c0 to %depth step %c16 {
{%- for i in range(16) %}
            {{- at('k_any%d' | format(i), 'a + b + %d' | format(i), '%lo', '%key') }}
            {{- at('k_next%d' | format(i), 'a + 16', '%%k_any%d' | format(i)) }}
            {{- ahead('k_ahead%d' | format(i), '%k_base', '%%k_next%d' | format(i), '%d', 4 if element == 'f32' else 2) }}
            %k_at{{ i }} = arith.minsi %k_any{{ i }}, %last : index
            {{- read('r0_%d' | format(i), '%ks', '!kv', place('%%k_at%d' | format(i), '%d')) }}
{%- endfor %}
            {{- transposed('f32') }}
            {{- at('k_to', 'a + (b * %d + c) * %d + d' | format(depth, vectors), '%k_own', '%panel', '%d', '%vector') }}
            %d_left = arith.subi %depth, %d : index
{%- for i in range(16) %}
            {{- at('k_to%d' | format(i), 'a + %d' | format(i * vectors), '%k_to') }}
{%- if depth % 16 == 0 %}
            vector.store %r4_{{ i }}, %lines[%k_to{{ i }}, %c0] : !lines, !f
{%- else %}
            %i{{ i }} = arith.constant {{ i }} : index
            %has{{ i }} = arith.cmpi slt, %i{{ i }}, %d_left : index
            scf.if %has{{ i }} {
              vector.store %r4_{{ i }}, %lines[%k_to{{ i }}, %c0] : !lines, !f
            }
{%- endif %}
{%- endfor %}
          }
        }
        %keys_all = arith.muli %key_steps, %c32 : index
        scf.for %key = %c0 to %length step %c1 {
          %v_at = arith.addi %lo, %key : index
          scf.for %d = %c0 to %depth step %c16 {
            %panel = arith.divui %d, %panel_keys : index
            %in_panel = arith.remui %d, %panel_keys : index
            %vector = arith.divui %in_panel, %c16 : index
            {{- at('v_next', 'a + 8', '%v_at') }}
            {{- ahead('v_ahead', '%v_base', '%v_next', '%d', 4 if element == 'f32' else 2) }}
            {{- read('v', '%vs', '!kv', place('%v_at', '%d')) }}
            %panel_key = arith.muli %panel, %keys_all : index
            {{- at('v_to', 'a + (b + c) * %d + d' | format(vectors), '%v_own', '%panel_key', '%key', '%vector') }}
            vector.store %v, %lines[%v_to, %c0] : !lines, !f
          }
{%- if o_lines > q_lines %}
          // A vector beyond the channels: its sums are not used, but must not be slow.
          {{- at('v_rest', 'a + (b * %d + c) * %d + %d' | format(panels - 1, vectors, vectors - 1), '%v_own', '%keys_all', '%key') }}
          vector.store %zero, %lines[%v_rest, %c0] : !lines, !f
{%- endif %}
        }
{%- endmacro -%}
{%- macro product(count, width, left_row, line0, to_row, first, last, is_later, i, left_at) %}
          {#- rows x panel: for each number `i`, broadcast numbers of rows times a line of vectors -#}
            %sums:{{ count * width }} = scf.for {{ i }} = {{ first }} to {{ last }} step %c1 iter_args({{ numbered(count * width, '%a', ' = %zero') }}) -> ({{ repeated(count * width, '!f') }}) {
{%- for j in range(width) %}
              {{- at('right_at%d' | format(j), 'a + b * %d + %d' | format(vectors, j), line0, i) }}
              %right{{ j }} = vector.load %lines[%right_at{{ j }}, %c0] : !lines, !f
{%- endfor %}
              %left_index = arith.addi {{ left_at }}, {{ i }} : index
              %left_i64 = arith.index_cast %left_index : index to i64
              %left_at = llvm.getelementptr %base[%left_i64] : (!llvm.ptr, i64) -> !llvm.ptr, f32
{%- for r in range(count) %}
              %left_at{{ r }} = llvm.getelementptr %left_at[{{ r * left_row }}] : (!llvm.ptr) -> !llvm.ptr, f32
              %left{{ r }} = llvm.load %left_at{{ r }} : !llvm.ptr -> f32
              %lefts{{ r }} = vector.broadcast %left{{ r }} : f32 to !f
{%- for j in range(width) %}
              %n{{ r * width + j }} = math.fma %lefts{{ r }}, %right{{ j }}, %a{{ r * width + j }} : !f
{%- endfor %}{% endfor %}
              scf.yield {{ numbered(count * width, '%n') }} : {{ repeated(count * width, '!f') }}
            }
{%- for r in range(count) %}{% for j in range(width) %}{% set q = r * width + j %}
            {{- at('to%d' | format(q), 'a + %d' | format(r * to_row + j), '%to') }}
{%- endfor %}{% endfor %}
            // Not a select: LLVM makes two jumps of it for each vector.
            scf.if {{ is_later }} {
{%- for q in range(count * width) %}
              %old{{ q }} = vector.load %lines[%to{{ q }}, %c0] : !lines, !f
              %new{{ q }} = arith.addf %old{{ q }}, %sums#{{ q }} : !f
              vector.store %new{{ q }}, %lines[%to{{ q }}, %c0] : !lines, !f
{%- endfor %}
            } else {
{%- for q in range(count * width) %}
              %new{{ q }} = arith.addf %zero, %sums#{{ q }} : !f
              vector.store %new{{ q }}, %lines[%to{{ q }}, %c0] : !lines, !f
{%- endfor %}
            }
{%- endmacro -%}
{%- macro scores(count, width) %}
            {{- at('left', 'a + b * %d' | format(16 * q_lines), '%q_flat', '%t') }}
            {{- at('to', 'a + b * %d + c * %d' | format(s_apart, vectors), '%s_own', '%t', '%g') }}
            scf.for %d0 = %c0 to %depth step %part_channels {
              %d_until = arith.addi %d0, %part_channels : index
              %d_end = arith.minsi %d_until, %depth : index
              %is_more = arith.cmpi ne, %d0, %c0 : index
              {{- product(count, width, 16 * q_lines, '%k_panel', s_apart, '%d0', '%d_end', '%is_more', '%i', '%left') }}
            }
{%- endmacro -%}
{%- macro scores_of_rows(width) %}
              scf.for %t = %c0 to %rows_whole step %tile {
                {{- scores(tile_rows, width) }}
              }
              scf.for %t = %rows_whole to %rn step %tile_few {
                {{- scores(tile_few, width) }}
              }
{%- endmacro -%}
{%- macro values(count) %}
            {{- at('left', 'a + b * %d' | format(16 * s_apart), '%s_flat', '%t') }}
            {{- at('to', 'a + b * %d + c * %d' | format(o_apart, vectors), '%o_own', '%t', '%panel') }}
            scf.for %j0 = %c0 to %kn step %part_keys {
              %j_until = arith.addi %j0, %part_keys : index
              %j_end = arith.minsi %j_until, %kn : index
              %is_next = arith.cmpi ne, %j0, %c0 : index
              %is_more = arith.ori %is_next, %is_later : i1
              {{- product(count, vectors, 16 * s_apart, '%v_panel', o_apart, '%j0', '%j_end', '%is_more', '%i', '%left') }}
            }
{%- endmacro -%}
{%- macro softmax() %}
          scf.for %r = %c0 to %rn step %c1 {
            {{- at('s_row', 'a + b * %d' | format(s_apart), '%s_own', '%r') }}
            {{- at('l_row', 'a + b', '%l_own', '%r') }}
            {{- at('m_row', 'a + b', '%m_own', '%r') }}
            %m_old = vector.load %lines[%m_row, %c0] : !lines, !f
            {{- at('tail_at', 'a + b', '%s_row', '%whole') }}
            %top_whole = scf.for %g = %c0 to %whole step %c1 iter_args(%x = %m_old) -> (!f) {
              {{- at('s_at', 'a + b', '%s_row', '%g') }}
              %s = vector.load %lines[%s_at, %c0] : !lines, !f
              %g0 = arith.cmpf ogt, %s, %x : !f
              %x_new = arith.select %g0, %s, %x : !mask, !f
              scf.yield %x_new : !f
            }
            %top16 = scf.if %has_tail -> (!f) {
              %s = vector.load %lines[%tail_at, %c0] : !lines, !f
              %g0 = arith.cmpf ogt, %s, %top_whole : !f
              %in0 = arith.andi %g0, %inside : !mask
              %x_new = arith.select %in0, %s, %top_whole : !mask, !f
              scf.yield %x_new : !f
            } else {
              scf.yield %top_whole : !f
            }
            {{- largest() }}
            vector.store %top1, %lines[%m_row, %c0] : !lines, !f
            %l_old = vector.load %lines[%l_row, %c0] : !lines, !f
            // What earlier blocks computed is made smaller, if this block has a larger score.
            %m_0 = vector.extract %top1[0] : f32 from !f
            %m_1 = vector.extract %m_old[0] : f32 from !f
            %m_same = arith.cmpf oeq, %m_0, %m_1 : f32
            %l_kept = scf.if %m_same -> (!f) {
              scf.yield %l_old : !f
            } else {
              %less = arith.subf %m_old, %top1 : !f
              {{- power('shrink', '%less') }}
              scf.if %is_later {
                scf.for %t = %c0 to %o_lines step %c1 {
                  {{- at('o_row', 'a + b * %d + c' | format(o_apart), '%o_own', '%r', '%t') }}
                  %o = vector.load %lines[%o_row, %c0] : !lines, !f
                  %o_less = arith.mulf %o, %shrink : !f
                  vector.store %o_less, %lines[%o_row, %c0] : !lines, !f
                }
              }
              %l_less = arith.mulf %l_old, %shrink : !f
              %l_first = arith.select %is_later, %l_less, %zero : !f
              scf.yield %l_first : !f
            }
            %l_whole = scf.for %g = %c0 to %whole step %c1 iter_args(%l = %zero) -> (!f) {
              {{- at('s_at', 'a + b', '%s_row', '%g') }}
              %s = vector.load %lines[%s_at, %c0] : !lines, !f
              %y = arith.subf %s, %top1 : !f
              {{- power('p', '%y') }}
              vector.store %p, %lines[%s_at, %c0] : !lines, !f
              %l_new = arith.addf %l, %p : !f
              scf.yield %l_new : !f
            }
            %l_all = scf.if %has_tail -> (!f) {
              %s = vector.load %lines[%tail_at, %c0] : !lines, !f
              %y = arith.subf %s, %top1 : !f
              {{- power('p', '%y') }}
              vector.store %p, %lines[%tail_at, %c0] : !lines, !f
              %p_in = arith.select %inside, %p, %zero : !mask, !f
              %l_new = arith.addf %l_whole, %p_in : !f
              scf.yield %l_new : !f
            } else {
              scf.yield %l_whole : !f
            }
            %l_sum = arith.addf %l_kept, %l_all : !f
            vector.store %l_sum, %lines[%l_row, %c0] : !lines, !f
          }
{%- endmacro -%}
{%- macro change() %}
            scf.for %r = %c0 to %rn step %c1 {
              {{- changes_of_row('%key0') }}
              {{- at('s_row', 'a + b * %d' | format(s_apart), '%s_own', '%r') }}
              scf.for %key = %c0 to %kn step %c16 {
                {{- at('s_at', 'a + b floordiv 16', '%s_row', '%key') }}
                %s_old = vector.load %lines[%s_at, %c0] : !lines, !f
                {{- changed('s', '%s_old', '%key', '%key0') }}
                vector.store %s, %lines[%s_at, %c0] : !lines, !f
              }
            }
{%- endmacro -%}
{%- macro share() %}
            {#- The factor of a row's sum of values, %sum_each being the row's sum -#}
{%- if causal %}
{%- if sinks %}
            {{- at('m_at', 'a + b', '%m_own', '%r') }}
            %m_keys = vector.load %lines[%m_at, %c0] : !lines, !f
            {{- sink_score() }}
            %sink_more = arith.cmpf ogt, %sink_each, %m_keys : !f
            %m_all = arith.select %sink_more, %sink_each, %m_keys : !mask, !f
            %keys_less = arith.subf %m_keys, %m_all : !f
            %sink_less = arith.subf %sink_each, %m_all : !f
            {{- power('keys_part', '%keys_less') }}
            {{- power('sink_part', '%sink_less') }}
            %sum_all = math.fma %sum_each, %keys_part, %sink_part : !f
{%- else %}
            %sum_all = arith.bitcast %sum_each : !f to !f
{%- endif %}
            // A token that sees no key gets zeros.
            %no_keys = arith.cmpf oeq, %sum_all, %zero : !f
{%- endif %}
{%- endmacro -%}
{%- macro attend() %}
          // Rows in whole tiles, then in smaller ones, the last of which may have rows too many.
          %few = arith.remui %rn, %tile : index
          %rows_whole = arith.subi %rn, %few : index
          %few_tiles = arith.ceildivui %few, %tile_few : index
          %few_rows = arith.muli %few_tiles, %tile_few : index
          %rows_all = arith.addi %rows_whole, %few_rows : index
          %r_last = arith.subi %rn, %c1 : index
          scf.for %r = %c0 to %rows_all step %c1 {
            %r_in = arith.minsi %r, %r_last : index
            %q_at = arith.addi %rb, %r_in : index
            scf.for %d = %c0 to %depth step %c16 {
              {{- read('x', '%qs', '!q', '%b, %q_at, %h, %d') }}
              %signed = arith.mulf %x, %sign : !f
              %line = arith.divui %d, %c16 : index
              {{- at('q_to', 'a + b * %d + c' | format(q_lines), '%q_own', '%r', '%line') }}
              vector.store %signed, %lines[%q_to, %c0] : !lines, !f
            }
          }
          scf.for %r = %c0 to %rn step %c1 {
            %l_to = arith.addi %l_own, %r : index
            %m_to = arith.addi %m_own, %r : index
            vector.store %zero, %lines[%l_to, %c0] : !lines, !f
            vector.store %lowest, %lines[%m_to, %c0] : !lines, !f
          }
          %o_lines = arith.constant {{ o_lines }} : index
          {{- visible() }}
          {{- at('key_even', 'a floordiv %d * %d' | format(block, block), '%key_first') }}
          scf.for %key0 = %key_even to %key_until step %block {
            %left_keys = arith.subi %key_until, %key0 : index
            %kn = arith.minsi %left_keys, %block : index
            %is_later = arith.cmpi ne, %key0, %key_even : index
            %whole = arith.divui %kn, %c16 : index
            %tail = arith.remui %kn, %c16 : index
            %has_tail = arith.cmpi ne, %tail, %c0 : index
            %tails = vector.broadcast %tail : index to vector<16xindex>
            %inside = arith.cmpi slt, %lane, %tails : vector<16xindex>
            %key_panels = arith.ceildivui %kn, %panel_keys : index
            %panel0 = arith.divui %key0, %panel_keys : index
            scf.for %g = %c0 to %key_panels step %c1 {
              {{- at('k_panel', 'a + (b + c) * %d' | format(depth * vectors), '%k_own', '%panel0', '%g') }}
{%- if vectors == 2 %}
              {{- at('keys_in_panel', 'a - b * %d' | format(n0), '%kn', '%g') }}
              %is_half = arith.cmpi sle, %keys_in_panel, %c16 : index
              scf.if %is_half {
                {{- scores_of_rows(1) }}
              } else {
                {{- scores_of_rows(2) }}
              }
{%- else %}
              {{- scores_of_rows(1) }}
{%- endif %}
            }
{%- if causal %}
            {{- changes('%key0', '%kn') }}
            scf.if %is_changed {
              {{- change() }}
            }
{%- endif %}
            {{- softmax() }}
            %keys_here = arith.muli %key_steps, %c32 : index
            scf.for %panel = %c0 to %panels step %c1 {
              %panel_keys_at = arith.muli %panel, %keys_here : index
              {{- at('v_panel', 'a + (b + c) * %d' | format(vectors), '%v_own', '%panel_keys_at', '%key0') }}
              scf.for %t = %c0 to %rows_whole step %tile {
                {{- values(tile_rows) }}
              }
              scf.for %t = %rows_whole to %rn step %tile_few {
                {{- values(tile_few) }}
              }
            }
          }
          scf.for %r = %c0 to %rn step %c1 {
            %l_at = arith.addi %l_own, %r : index
            %l = vector.load %lines[%l_at, %c0] : !lines, !f
            %sum = vector.reduction <add>, %l fastmath<reassoc> : !f into f32
            %sum_each = vector.broadcast %sum : f32 to !f
            {{- share() }}
            %row = arith.addi %rb, %r : index
            scf.for %d = %c0 to %depth step %c16 {
              %line = arith.divui %d, %c16 : index
              {{- at('o_at', 'a + b * %d + c' | format(o_apart), '%o_own', '%r', '%line') }}
              %o = vector.load %lines[%o_at, %c0] : !lines, !f
{%- if sinks %}
              %o_part = arith.mulf %o, %keys_part : !f
{%- endif %}
{%- if causal %}
              %y_some = arith.divf {{ '%o_part' if sinks else '%o' }}, %sum_all : !f
              %y = arith.select %no_keys, %zero, %y_some : !mask, !f
{%- else %}
              %y = arith.divf %o, %sum_each : !f
{%- endif %}
{%- if element == 'f32' %}
              vector.transfer_write %y, %os[%b, %row, %h, %d] {in_bounds = [{{ dfull }}]} : !f, !q
{%- else %}
              %ye = arith.truncf %y : !f to {{ h }}
              vector.transfer_write %ye, %os[%b, %row, %h, %d] {in_bounds = [{{ dfull }}]} : {{ h }}, !q
{%- endif %}
            }
          }
{%- endmacro -%}
