{#- What a decoder changes in attention.mlir: the keys that a token sees, and scores before the softmax. -#}
{%- from 'attention_index.mlir' import at, constant with context -%}
{%- macro visible() %}
          // The keys that the query block sees, from %lo on.
{%- if causal %}
          {{- at('key_until', 'a + b + c - d', '%rb', '%rn', '%shift', '%lo') }}
{%- if window %}
          {{- at('key_first_any', 'a + b - c - %d' | format(window - 1), '%rb', '%shift', '%lo') }}
          %key_first = arith.maxsi %key_first_any, %c0 : index
{%- else %}
          %key_first = arith.constant 0 : index
{%- endif %}
{%- else %}
          %key_until = arith.addi %length, %c0 : index
          %key_first = arith.constant 0 : index
{%- endif %}
{%- endmacro -%}
{%- macro changes(key0, count) %}
            {#- Whether scores of the keys `key0` to `key0 + count` must be changed before the softmax -#}
{%- if scaled_first %}
            %is_changed = arith.constant true
{%- else %}
            {{- at('seen_first', 'a + b - c - d + 1', '%rb', '%shift', '%lo', key0) }}
            %is_cut = arith.cmpi slt, %seen_first, {{ count }} : index
{%- if window %}
            {{- at('from_last', 'a + b + c - d - e - %d' | format(window), '%rb', '%rn', '%shift', '%lo', key0) }}
            %is_left = arith.cmpi sgt, %from_last, %c0 : index
            %is_changed = arith.ori %is_cut, %is_left : i1
{%- else %}
            %is_changed = arith.ori %is_cut, %is_cut : i1
{%- endif %}
{%- endif %}
{%- endmacro -%}
{%- macro changes_of_row(key0) %}
              {#- The keys that row %r sees, from `key0` on -#}
              {{- at('seen', 'a + b + c - d - e + 1', '%rb', '%r', '%shift', '%lo', key0) }}
              %seen_i32 = arith.index_cast %seen : index to i32
              %seens = vector.broadcast %seen_i32 : i32 to vector<16xi32>
{%- if window %}
              {{- at('from', 'a + b + c - d - e - %d' | format(window - 1), '%rb', '%r', '%shift', '%lo', key0) }}
              %from_i32 = arith.index_cast %from : index to i32
              %froms = vector.broadcast %from_i32 : i32 to vector<16xi32>
{%- endif %}
{%- if mask %}
              %mask_r = arith.addi %rb, %r : index
              %mask_row = arith.minsi %mask_r, %mask_last_row : index
{%- endif %}
{%- endmacro -%}
{%- macro changed(name, score, key, key0) %}
                {#- 16 scores from key `key` on, counted from `key0`: scaled, capped, masked -#}
{%- if scaled_first %}
                %{{ name }}_scaled = arith.mulf {{ score }}, %scale_first : !f
{%- if soft_cap %}
                %{{ name }}_part = arith.mulf %{{ name }}_scaled, %cap_inverse : !f
                %{{ name }}_tanh = func.call @row_tanh(%{{ name }}_part) : (!f) -> !f
                %{{ name }}_capped = arith.mulf %{{ name }}_tanh, %cap : !f
{%- else %}
                %{{ name }}_capped = arith.bitcast %{{ name }}_scaled : !f to !f
{%- endif %}
{%- if mask %}
                {{- at(name ~ '_mask_at', 'a + b + c', '%lo', key0, key) }}
                %{{ name }}_mask_any = vector.transfer_read %masks[%mask_b, %mask_h, %mask_row, %{{ name }}_mask_at], %zero_mask : memref<?x?x?x?x{{ mask }}>, vector<16x{{ mask }}>
{%- if mask == 'f32' %}
                %{{ name }}_all = arith.addf %{{ name }}_capped, %{{ name }}_mask_any : !f
{%- else %}
                %{{ name }}_mask = arith.extf %{{ name }}_mask_any : vector<16x{{ mask }}> to !f
                %{{ name }}_all = arith.addf %{{ name }}_capped, %{{ name }}_mask : !f
{%- endif %}
{%- else %}
                %{{ name }}_all = arith.bitcast %{{ name }}_capped : !f to !f
{%- endif %}
{%- else %}
                %{{ name }}_all = arith.bitcast {{ score }} : !f to !f
{%- endif %}
                %{{ name }}_key_i32 = arith.index_cast {{ key }} : index to i32
                %{{ name }}_keys_first = vector.broadcast %{{ name }}_key_i32 : i32 to vector<16xi32>
                %{{ name }}_keys = arith.addi %{{ name }}_keys_first, %lane_i32 : vector<16xi32>
                %{{ name }}_until = arith.cmpi slt, %{{ name }}_keys, %seens : vector<16xi32>
{%- if window %}
                %{{ name }}_from = arith.cmpi sge, %{{ name }}_keys, %froms : vector<16xi32>
                %{{ name }}_in = arith.andi %{{ name }}_until, %{{ name }}_from : !mask
                %{{ name }} = arith.select %{{ name }}_in, %{{ name }}_all, %none_seen : !mask, !f
{%- else %}
                %{{ name }} = arith.select %{{ name }}_until, %{{ name }}_all, %none_seen : !mask, !f
{%- endif %}
{%- endmacro -%}
{%- macro sink_score() %}
            {#- The sink of head %h, in all lanes -#}
{%- if sinks == 'f32' %}
            %sink = memref.load %sinks[%h] : memref<{{ heads }}xf32>
{%- else %}
            %sink_e = memref.load %sinks[%h] : memref<{{ heads }}x{{ sinks }}>
            %sink = arith.extf %sink_e : {{ sinks }} to f32
{%- endif %}
            %sink_each = vector.broadcast %sink : f32 to !f
{%- endmacro -%}
{%- macro causal_constants() %}
      %lane_i32 = arith.constant dense<[{% for i in range(16) %}{{ i }}{{ ', ' if not loop.last }}{% endfor %}]> : vector<16xi32>
      %none_seen = arith.constant dense<0xFF800000> : !f
{%- if scaled_first %}
      %scale_first = arith.constant dense<{{ '%.9e' | format(scale | abs) }}> : !f
{%- endif %}
{%- if soft_cap %}
      %cap = arith.constant dense<{{ '%.9e' | format(soft_cap) }}> : !f
      %cap_inverse = arith.constant dense<{{ '%.9e' | format(1 / soft_cap) }}> : !f
{%- endif %}
{%- if mask %}
      %zero_mask = arith.constant 0.0 : {{ mask }}
      {{- at('mask_last_b', 'a - 1', '%mask_bs') }}
      {{- at('mask_last_h', 'a - 1', '%mask_hs') }}
      {{- at('mask_last_row', 'a - 1', '%mask_rows') }}
{%- endif %}
{%- endmacro -%}
{%- macro causal_share() %}
      // A worker takes query blocks with its part of all pairs of query and key.
      %shift = arith.subi %keys, %seq : index
      %pairs = scf.for %i = %c0 to %blocks step %c1 iter_args(%n = %c0) -> (index) {
        {{- pairs_of_block() }}
        %n_next = arith.addi %n, %own_pairs : index
        scf.yield %n_next : index
      }
      %some_pairs = arith.maxsi %pairs, %c1 : index
      %pairs_all = arith.muli %pairs, %heads_all : index
{%- for which, part in (('first', '%worker'), ('end', '%worker_next')) %}
      %{{ which }}_of = arith.muli {{ part }}, %pairs_all : index
      %{{ which }}_pair = arith.divui %{{ which }}_of, %workers : index
      %{{ which }}_head = arith.divui %{{ which }}_pair, %some_pairs : index
      %{{ which }}_rest = arith.remui %{{ which }}_pair, %some_pairs : index
{%- endfor %}
      %limits:3 = scf.for %i = %c0 to %blocks step %c1 iter_args(%n = %c0, %f = %c0, %e = %c0) -> (index, index, index) {
        {{- pairs_of_block() }}
        %n_next = arith.addi %n, %own_pairs : index
        %before_first = arith.cmpi slt, %n, %first_rest : index
        %before_end = arith.cmpi slt, %n, %end_rest : index
        %f_one = arith.select %before_first, %c1, %c0 : index
        %e_one = arith.select %before_end, %c1, %c0 : index
        %f_next = arith.addi %f, %f_one : index
        %e_next = arith.addi %e, %e_one : index
        scf.yield %n_next, %f_next, %e_next : index, index, index
      }
{%- for which in ('first', 'end') %}
      %{{ which }}_blocks = arith.muli %{{ which }}_head, %blocks : index
      %{{ which }} = arith.addi %{{ which }}_blocks, %limits#{{ loop.index }} : index
{%- endfor %}
{%- endmacro -%}
{%- macro pairs_of_block() %}
        // The keys that query block %i sees, and what a block costs besides.
        {{- at('row_until', '(a + 1) * %d' | format(unit), '%i') }}
        %row_end = arith.minsi %row_until, %seq : index
        {{- at('sees', 'a + b', '%row_end', '%shift') }}
{%- if window %}
        {{- constant('most_seen', window + unit) }}
        %seen = arith.minsi %sees, %most_seen : index
{%- else %}
        %seen = arith.addi %sees, %c0 : index
{%- endif %}
        {{- at('own_pairs', 'a + 64', '%seen') }}
{%- endmacro -%}
