{#- What a worker of decode.mlir does with a chunk of keys, block by block, for some key heads. -#}
{%- from 'attention_index.mlir' import at, constant with context -%}
{%- from 'decode_block.mlir' import by_head, scores, softmax, values with context -%}
{%- from 'decode_bytes.mlir' import query_bytes, query_offsets with context -%}
{%- from 'decode_index.mlir' import read, read_pairs with context -%}
{%- from 'decode_place.mlir' import head_place with context -%}
{%- from 'decode_words.mlir' import query_words with context -%}
{%- set slot_q_lines = q_lines if heads_inside else 0 -%}
{%- set slot_tiles = tiles if heads_inside else 0 -%}
{%- macro queries() %}
            // The query heads of key head %kh, as the products take them.
            {{- at('q_slot', 'a + b * %d' | format(slot_q_lines), '%q_own', '%kh') }}
            {{- at('factor_slot', 'a + b * %d' | format(slot_tiles), '%factor_own', '%kh') if words }}
            {{- at('offset_slot', 'a + b * %d' | format(slot_tiles), '%offset_own', '%kh') if by_bytes }}
            scf.for %h = %c0 to %heads_all step %c1 {
              {{- constant('h_last', group - 1) }}
              %h_in = arith.minsi %h, %h_last : index
              %b_q = arith.muli %b, %heads : index
              {{- at('q_row', 'a + b * %d + c' | format(group), '%b_q', '%kh', '%h_in') }}
{%- if words %}
              {{- query_words() }}
{%- else %}
              scf.for %line = %c0 to %{{ 'd_pairs' if pairs else 'd_lines' }} step %c1 {
{%- if pairs %}
                {{- at('d', 'a * 32', '%line') }}
                {{- read_pairs('x_pairs', '%qs', '%q_row, %d') }}
                %x = vector.bitcast %x_pairs : vector<32xbf16> to !f
{%- else %}
                {{- at('d', 'a * %d' | format(lanes), '%line') }}
                {{- read('x', '%qs', element, '%q_row, %d') }}
{%- endif %}
                {{- at('q_to', 'a + b * %d + c' | format(d_lines), '%q_slot', '%h', '%line') }}
                vector.store %x, %own[%q_to, %c0] : !lines, !f
              }
{%- endif %}
            }
{%- if by_bytes %}
            scf.for %tile = %c0 to %tiles step %c1 {
              {{- query_offsets() }}
            }
{%- endif %}
{%- endmacro -%}
{%- macro chunk_of_heads() %}
          // A chunk of keys, for key heads %head_first to %head_end.
          {{- at('k_any', '(a + b) * %d' | format(chunk), '%chunk0', '%c') }}
          {{- at('k_until', 'a + %d' | format(chunk), '%k_any') }}
          %k_first = arith.maxsi %k_any, %start : index
          %k_end = arith.minsi %k_until, %len : index
          {{- at('k_even', 'a floordiv 16 * 16', '%k_first') }}
          scf.for %kh_part = %head_first to %head_end step %c1 {
            {{- part_of('%kh_part') }}
            scf.for %tile = %c0 to %tiles step %c1 {
              {{- at('o_tile', 'a + b * %d' | format(tile_lines), '%part', '%tile') }}
              {{- at('m_line', 'a + %d' | format(heads_each * d_lines), '%o_tile') }}
              {{- at('l_line', 'a + 1', '%m_line') }}
              scf.for %o_line = %o_tile to %m_line step %c1 {
                vector.store %zero, %parts[%o_line, %c0] : !lines, !f
              }
              vector.store %lowest, %parts[%m_line, %c0] : !lines, !f
              vector.store %zero, %parts[%l_line, %c0] : !lines, !f
            }
          }
          scf.for %t_block = %k_even to %k_end step %block {
            %block_until = arith.addi %t_block, %block : index
            %block_end = arith.minsi %block_until, %k_end : index
            scf.for %kh_block = %head_first to %head_end step %c1 {
              {{- head_place() }}
              {{- part_of('%kh_block') }}
              scf.for %tile = %c0 to %tiles step %c1 {
                {{- at('q_tile', 'a + b * %d + c * %d' | format(heads_each * d_lines, slot_q_lines), '%q_own', '%tile', '%kh_block') }}
                {{- at('factor_line', 'a + b + c * %d' | format(slot_tiles), '%factor_own', '%tile', '%kh_block') if words }}
                {{- at('offset_line', 'a + b + c * %d' | format(slot_tiles), '%offset_own', '%tile', '%kh_block') if by_bytes }}
                {{- at('o_tile', 'a + b * %d' | format(tile_lines), '%part', '%tile') }}
                {{- at('m_line', 'a + %d' | format(heads_each * d_lines), '%o_tile') }}
                {{- at('l_line', 'a + 1', '%m_line') }}
                {{- scores() }}
                {{- softmax() }}
                {{- values() }}
              }
            }
          }
          scf.for %kh_part = %head_first to %head_end step %c1 {
            {{- part_of('%kh_part') }}
            scf.for %tile = %c0 to %tiles step %c1 {
              {{- at('l_line', 'a + b * %d + %d' | format(tile_lines, tile_lines - 1), '%part', '%tile') }}
              %l_lanes = vector.load %parts[%l_line, %c0] : !lines, !f
              {{- by_head('l_sum', '%l_lanes', 'add') }}
              vector.store %l_sum, %parts[%l_line, %c0] : !lines, !f
            }
          }
{%- endmacro -%}
{%- macro part_of(kh) %}
            %part_before = arith.muli {{ kh }}, %chunks : index
            {{- at('part', '(a + b + c) * %d' | format(part_lines), '%base', '%part_before', '%c') }}
{%- endmacro -%}
