{#- Products of decode.mlir in 16-bit integers, for keys and values in 8 bits.

A query is `factor * word`, with words of up to 32767, so that sums of products are exact in 32 bits:
480 channels times 128 times 32767 is below 2 ** 31. Weights of a block of keys are words, too, each
times the scale of its value; the largest weight of a head is 1, and `most` the largest scale. Words
of two neighbouring keys lie together, so that an instruction adds the products of both.
-#}
{%- from 'attention_index.mlir' import at, constant with context -%}
{%- from 'decode_bytes.mlir' import query_bytes with context -%}
{%- set both = 2 * lanes -%}
{%- set w = 'vector<%dxi16>' % both -%}
{%- set wide_f = 'vector<%dxf32>' % both -%}
{%- set most_query = 32639 if by_bytes else 32767 -%}
{%- set whole = 'true' if depth % both == 0 else 'false' -%}
{%- macro word_constants() %}
      %most_word = arith.constant 32767.0 : f32
      %word_unit = arith.constant {{ '%.9e' | format(1 / 32767) }} : f32
      %most_query = arith.constant {{ most_query }}.0 : f32
      %query_unit = arith.constant {{ '%.9e' | format(1 / most_query) }} : f32
      %least_scale = arith.constant 1.0e-30 : f32
      %scale_one = arith.constant {{ '%.9e' | format(scale) }} : f32
      %magic_words = arith.constant dense<1.2582912e7> : {{ wide_f }}
      %zero_few = arith.constant dense<0.0> : vector<16xf32>
      %zero_one = arith.constant 0.0 : f32
      %group_key = arith.constant dense<[{% for i in range(16) %}{{ i }}{{ ', ' if not loop.last }}{% endfor %}]> : vector<16xi32>
      {{- constant('two_keys', 2) }}
{%- endmacro -%}
{%- macro own_pointer(name, index) %}
              %{{ name }}_i64 = arith.index_cast {{ index }} : index to i64
              %{{ name }} = llvm.getelementptr %own_base[%{{ name }}_i64] : (!llvm.ptr, i64) -> !llvm.ptr, f32
{%- endmacro -%}
{%- macro product(name, sum, left, right) %}
{%- if words == 'vpdpwssd' %}
                %{{ name }} = llvm.call_intrinsic "llvm.x86.avx512.vpdpwssd.512"({{ sum }}, {{ left }}, {{ right }}) : (!i, {{ w }}, {{ w }}) -> !i
{%- else %}
                %{{ name }}_two = llvm.call_intrinsic "llvm.x86.{{ 'avx512.pmaddw.d.512' if lanes == 16 else 'avx2.pmadd.wd' }}"({{ left }}, {{ right }}) : ({{ w }}, {{ w }}) -> !i
                %{{ name }} = arith.addi {{ sum }}, %{{ name }}_two : !i
{%- endif %}
{%- endmacro -%}
{%- macro read_words(name, memory, place) %}
                %{{ name }}_e = vector.transfer_read {{ memory }}[{{ place }}], %zero_i8 {in_bounds = [{{ whole }}]} : memref<?x{{ depth }}xi8>, vector<{{ both }}xi8>
                %{{ name }} = arith.extsi %{{ name }}_e : vector<{{ both }}xi8> to {{ w }}
{%- endmacro -%}
{%- macro read_query(name) %}
              %{{ name }}_e = vector.transfer_read %qs[%q_row, %d], %zero_{{ element }} {in_bounds = [{{ whole }}]} : memref<?x{{ depth }}x{{ element }}>, vector<{{ both }}x{{ element }}>
              %{{ name }} = arith.extf %{{ name }}_e : vector<{{ both }}x{{ element }}> to {{ wide_f }}
{%- endmacro -%}
{%- macro query_words() %}
            // The words of a query head, and its factor in the lanes of the head.
            %q_top = scf.for %line = %c0 to %d_words step %c1 iter_args(%x = %least_scale) -> (f32) {
              {{- at('d', 'a * %d' | format(both), '%line') }}
              {{- read_query('q') }}
              %q_size = math.absf %q : {{ wide_f }}
              %x_new = vector.reduction <maximumf>, %q_size, %x : {{ wide_f }} into f32
              scf.yield %x_new : f32
            }
            %q_inverse = arith.divf %most_query, %q_top : f32
{%- if by_bytes %}
            {{- query_bytes() }}
{%- else %}
            %q_inverses = vector.broadcast %q_inverse : f32 to {{ wide_f }}
            scf.for %line = %c0 to %d_words step %c1 {
              {{- at('d', 'a * %d' | format(both), '%line') }}
              {{- read_query('q') }}
              %q_near = math.fma %q, %q_inverses, %magic_words : {{ wide_f }}
              %q_bits = arith.bitcast %q_near : {{ wide_f }} to vector<{{ both }}xi32>
              %q_words = arith.trunci %q_bits : vector<{{ both }}xi32> to {{ w }}
              {{- at('q_index', '(a + b * %d + c) * %d' | format(d_lines, lanes), '%q_slot', '%h', '%line') }}
              {{- own_pointer('q_to', '%q_index') }}
              llvm.store %q_words, %q_to : {{ w }}, !llvm.ptr
            }
{%- endif %}
            %q_unit = arith.mulf %q_top, %query_unit : f32
            %q_factor = arith.mulf %q_unit, %scale_one : f32
            {{- at('h_tile', 'a floordiv %d' | format(heads_each), '%h') }}
            {{- at('h_lane', 'a mod %d' | format(heads_each), '%h') }}
            %factor_line = arith.addi %factor_slot, %h_tile : index
{%- for j in range(keys_each) %}
            {{- at('h_lane%d' | format(j), 'a + %d' | format(j * heads_each), '%h_lane') }}
            memref.store %q_factor, %own[%factor_line, %h_lane{{ j }}] : !lines
{%- endfor %}
{%- endmacro -%}
{%- macro value_scales() %}
            // The scales of 16 values, 0 for those that do not count, and the largest one so far.
            %seen_at = arith.index_cast %seen : index to i32
            %before_at = arith.index_cast %before : index to i32
            %seen_each = vector.broadcast %seen_at : i32 to vector<16xi32>
            %before_each = vector.broadcast %before_at : i32 to vector<16xi32>
            %group_before = arith.cmpi sge, %group_key, %before_each : vector<16xi32>
            %group_seen = arith.cmpi slt, %group_key, %seen_each : vector<16xi32>
            %group_inside = arith.andi %group_before, %group_seen : vector<16xi1>
            %vsc_any = vector.load %vscs[%row0] : memref<?xf32>, vector<16xf32>
            %vsc_group = arith.select %group_inside, %vsc_any, %zero_few : vector<16xi1>, vector<16xf32>
            {{- at('vsc_index', 'a * %d + b - c' | format(lanes), '%vsc_own', '%t0', '%t_block') }}
            {{- own_pointer('vsc_to', '%vsc_index') }}
            "llvm.store"(%vsc_group, %vsc_to) <{alignment = 32 : i64, ordering = 0 : i64}> : (vector<16xf32>, !llvm.ptr) -> ()
            %vsc_size = math.absf %vsc_group : vector<16xf32>
            %most_b = arith.maximumf %most_a, %vsc_size : vector<16xf32>
{%- endmacro -%}
{%- macro weight_words() %}
            // The words of the weights %p: those of two keys of a head lie together.
            {{- at('vsc_index', 'a * %d + b * %d' | format(lanes, keys_each), '%vsc_own', '%n') }}
            {{- own_pointer('vsc_at', '%vsc_index') }}
            %vsc_few = llvm.load %vsc_at : !llvm.ptr -> vector<{{ keys_each }}xf32>
            %vsc = vector.shuffle %vsc_few, %vsc_few [{% for i in range(lanes) %}{{ i // heads_each }}{{ ', ' if not loop.last }}{% endfor %}] : vector<{{ keys_each }}xf32>, vector<{{ keys_each }}xf32>
            %p_part = arith.mulf %p, %most_inverses : !f
            %p_near = math.fma %p_part, %vsc, %magic : !f
            %p_bits = arith.bitcast %p_near : !f to !i
            %p_words = arith.trunci %p_bits : !i to vector<{{ lanes }}xi16>
            %p_paired = vector.shuffle %p_words, %p_words [
            {%- for i in range(lanes) %}{% set pair = i // 2 %}{{ (pair // heads_each * 2 + i % 2) * heads_each + pair % heads_each }}{{ ', ' if not loop.last }}{% endfor %}] : vector<{{ lanes }}xi16>, vector<{{ lanes }}xi16>
            {{- at('p_index', 'a * %d + b * %d' | format(lanes, lanes // 2), '%s_own', '%n') }}
            {{- own_pointer('p_to', '%p_index') }}
            llvm.store %p_paired, %p_to : vector<{{ lanes }}xi16>, !llvm.ptr
{%- endmacro -%}
{%- macro interleaved(name, first, second, high) %}
                %{{ name }} = vector.shuffle {{ first }}, {{ second }} [
                {%- for i in range(both) %}{{ i // 8 * 8 + 4 * high + i % 8 // 2 + (both if i % 2 else 0) }}{{ ', ' if not loop.last }}{% endfor %}] : {{ w }}, {{ w }}
{%- endmacro -%}
{%- macro in_order(name, low, high, upper) %}
            {#- Lanes of two vectors of `interleaved` channels, `lanes` of them in order -#}
            %{{ name }} = vector.shuffle {{ low }}, {{ high }} [
            {%- for i in range(lanes) %}{% set c = i + upper * lanes %}{{ c // 8 * 4 + c % 4 + (lanes if c % 8 >= 4 else 0) }}{{ ', ' if not loop.last }}{% endfor %}] : !f, !f
{%- endmacro -%}
