{#- Where the keys of decode.mlir lie, and the prefetch of those that come next. -#}
{%- from 'attention_index.mlir' import at, constant with context -%}
{%- set room = '%room' if sliced else '%width' -%}
{%- macro find() %}
            // 16 keys from %t0 on: the row of the first one, and how many of them count.
            %left = arith.subi %block_end, %t0 : index
            %here = arith.minsi %left, %c16 : index
{%- if paged %}
            %page = arith.divui %t0, %page_keys : index
            %in_page = arith.remui %t0, %page_keys : index
            {{- at('entry', 'a + b', '%table_row', '%page') }}
            %id_e = memref.load %table[%entry] : memref<?x{{ entry }}>
            %id_any = arith.index_cast %id_e : {{ entry }} to index
            %known = arith.cmpi ult, %id_any, %blocks : index
            %id = arith.select %known, %id_any, %c0 : index
            %seen = arith.select %known, %here, %c0 : index
            %id_heads = arith.muli %id, %kv_heads : index
            {{- at('row0', '(a + b) * %d + c' | format(page), '%id_heads', '%kh_block', '%in_page') }}
{%- else %}
            %seen = arith.addi %here, %c0 : index
            %t_rows = arith.muli %t0, %stride : index
            %row0 = arith.addi %row_first, %t_rows : index
{%- endif %}
{%- endmacro -%}
{%- macro find_ahead() %}
            // The row of the keys that are fetched now: what comes next lies in another place.
            {{- at('t_far', 'a + b', '%t0', '%ahead') }}
            %t_last = arith.subi %len, %c1 : index
            %t_ahead = arith.minsi %t_far, %t_last : index
{%- if paged %}
            %page_ahead = arith.divui %t_ahead, %page_keys : index
            {{- at('t_even', 'a floordiv 16 * 16', '%t_ahead') }}
            %in_ahead = arith.remui %t_even, %page_keys : index
            {{- at('entry_ahead', 'a + b', '%table_row', '%page_ahead') }}
            %id_ahead_e = memref.load %table[%entry_ahead] : memref<?x{{ entry }}>
            %id_ahead = arith.index_cast %id_ahead_e : {{ entry }} to index
            %ahead_heads = arith.muli %id_ahead, %kv_heads : index
            {{- at('row_ahead', '(a + b) * %d + c' | format(page), '%ahead_heads', '%kh_ahead', '%in_ahead') }}
{%- else %}
            %ahead_rows = arith.muli %t_ahead, %stride : index
            %row_ahead = arith.addi %row_first_ahead, %ahead_rows : index
{%- endif %}
{%- endmacro -%}
{%- macro head_place() %}
              // The first row of key head %kh_block; those of the head %kh_ahead are fetched, %ahead keys on.
{%- if place == 'heads_first' %}
              %b_heads = arith.muli %b, %kv_heads : index
              %b_head = arith.addi %b_heads, %kh_block : index
              %row_first = arith.muli %b_head, {{ room }} : index
{%- elif place == 'tokens_first' %}
              %b_keys = arith.muli %b, {{ room }} : index
              {{- at('row_first', 'a * %d + b' | format(kv_heads), '%b_keys', '%kh_block') }}
{%- endif %}
{%- if heads_inside %}
              %kh_next = arith.addi %kh_block, %c1 : index
              %has_next = arith.cmpi slt, %kh_next, %head_end : index
              %kh_ahead = arith.select %has_next, %kh_next, %head_first : index
              %ahead = arith.select %has_next, %c0, %block : index
{%- if place == 'tokens_first' %}
              {{- at('row_first_ahead', 'a * %d + b' | format(kv_heads), '%b_keys', '%kh_ahead') }}
{%- endif %}
{%- else %}
              {{- constant('ahead', block) }}
              %kh_ahead = arith.addi %kh_block, %c0 : index
{%- if place != 'pages' %}
              %row_first_ahead = arith.addi %row_first, %c0 : index
{%- endif %}
{%- endif %}
{%- endmacro -%}
{%- macro prefetch(name, start, bytes) %}
{%- for n in range((bytes + 63) // 64) %}
              {{- at('%s_%d' | format(name, n), 'a + %d' | format(64 * n), start) }}
              %{{ name }}_i{{ n }} = arith.index_cast %{{ name }}_{{ n }} : index to i64
              %{{ name }}_p{{ n }} = llvm.inttoptr %{{ name }}_i{{ n }} : i64 to !llvm.ptr
              "llvm.intr.prefetch"(%{{ name }}_p{{ n }}) <{cache = 1 : i32, hint = 2 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
{%- endfor %}
{%- endmacro -%}
{%- macro fetch(name, base, key, first, bytes) %}
              {#- Fetch `bytes` of the row of a key, `key` after the first one, from byte `first` on -#}
              {{- at(name, 'a + (b + c * %d) * %d + d' | format(kv_heads if place == 'tokens_first' else 1, depth * cache_bytes), base, '%row_ahead', key, first) }}
              {{- prefetch(name, '%' ~ name, bytes) }}
{%- endmacro -%}
{%- macro fetch_values(keys, line, lines) %}
              {#- Fetch what is read of `keys` values at key %j in `lines` lines; where rows are
              neighbours, a part of the 16 rows that is as large, so that whole rows come together -#}
{%- if place == 'tokens_first' %}
{%- for key in range(keys) %}
              {{- at('key_ahead%d' | format(key), 'a + %d' | format(key), '%j') }}
              {{- at('byte_ahead%d' | format(key), 'a * %d' | format(lanes * cache_bytes), line) }}
              {{- fetch('fetched%d' | format(key), '%v_base', '%%key_ahead%d' | format(key), '%%byte_ahead%d' | format(key), lines * lanes * cache_bytes) }}
{%- endfor %}
{%- else %}
{%- set part = (depth * cache_bytes * lines + d_lines - 1) // d_lines %}
              {{- at('fetched', 'a + b * %d + c * %d + d floordiv %d * %d' | format(depth * cache_bytes, part, lines, 16 * part), '%v_base', '%row_ahead', '%j', line) }}
              {{- prefetch('fetched', '%fetched', keys * part) }}
{%- endif %}
{%- endmacro -%}
{%- macro fetch_scales() %}
              {#- Fetch the scales of 16 keys and values -#}
{%- for name in ('ksc', 'vsc') %}
              {{- at('fetched_%s' | format(name), 'a + b * 4', '%%%s_base' | format(name), '%row_ahead') }}
              {{- prefetch('fetched_%s' | format(name), '%%fetched_%s' | format(name), 64) }}
{%- endfor %}
{%- endmacro -%}
{%- macro row_of(name, key) %}
{%- if place == 'tokens_first' %}
            {{- at(name, 'a + b * %d' | format(kv_heads), '%row0', key) }}
{%- else %}
            {{- at(name, 'a + b', '%row0', key) }}
{%- endif %}
{%- endmacro -%}
