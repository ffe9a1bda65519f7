{#- Macros that the parts of decode.mlir share. -#}
{%- from 'attention_index.mlir' import at, constant with context -%}
{%- macro numbered(count, prefix, suffix='') %}{% for i in range(count) %}{{ prefix }}{{ i }}{{ suffix }}{{ ', ' if not loop.last }}{% endfor %}{% endmacro -%}
{%- macro repeated(count, text) %}{% for i in range(count) %}{{ text }}{{ ', ' if not loop.last }}{% endfor %}{% endmacro -%}
{%- macro read(name, memory, kind, place) %}
              {#- `lanes` numbers of a row in float32 -#}
{%- if kind == 'f32' %}
              %{{ name }} = vector.transfer_read {{ memory }}[{{ place }}], %zero_{{ kind }} {in_bounds = [{{ dfull }}]} : memref<?x{{ depth }}xf32>, !f
{%- else %}
              %{{ name }}_e = vector.transfer_read {{ memory }}[{{ place }}], %zero_{{ kind }} {in_bounds = [{{ dfull }}]} : memref<?x{{ depth }}x{{ kind }}>, vector<{{ lanes }}x{{ kind }}>
              %{{ name }} = arith.{{ 'sitofp' if kind == 'i8' else 'extf' }} %{{ name }}_e : vector<{{ lanes }}x{{ kind }}> to !f
{%- endif %}
{%- endmacro -%}
{%- macro read_pairs(name, memory, place) %}
              {#- 32 numbers in bfloat16 -#}
              %{{ name }} = vector.transfer_read {{ memory }}[{{ place }}], %zero_bf16 {in_bounds = [{{ 'true' if depth % 32 == 0 else 'false' }}]} : memref<?x{{ depth }}xbf16>, vector<32xbf16>
{%- endmacro -%}
{%- macro for_each_head(name, value, kind) %}
            {#- `keys_each` numbers, each in the lanes of its key -#}
            %{{ name }} = vector.shuffle {{ value }}, {{ value }} [{% for i in range(lanes) %}{{ i // heads_each }}{{ ', ' if not loop.last }}{% endfor %}] : vector<{{ keys_each }}x{{ kind }}>, vector<{{ keys_each }}x{{ kind }}>
{%- endmacro -%}
{%- macro power(name, difference) %}
                // e ** difference; with 8 lanes it is 0 below 2 ** -126.
                %{{ name }}_x = arith.mulf {{ difference }}, %log2e : !f
{%- if lanes == 16 %}
                %{{ name }}_f = llvm.call_intrinsic "llvm.x86.avx512.mask.reduce.ps.512"(%{{ name }}_x, %downwards, %zero, %all_lanes, %current) : (!f, i32, !f, i16, i32) -> !f
{%- else %}
                %{{ name }}_n = math.floor %{{ name }}_x : !f
                %{{ name }}_f = arith.subf %{{ name }}_x, %{{ name }}_n : !f
{%- endif %}
{%- for i in range(6) %}
                %{{ name }}_{{ i }} = math.fma {{ '%power6' if loop.first else '%%%s_%d' | format(name, i - 1) }}, %{{ name }}_f, %power{{ 5 - i }} : !f
{%- endfor %}
{%- if lanes == 16 %}
                %{{ name }} = llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"(%{{ name }}_5, %{{ name }}_x, %zero, %all_lanes, %current) : (!f, !f, !f, i16, i32) -> !f
{%- else %}
                %{{ name }}_t = arith.addf %{{ name }}_n, %magic : !f
                %{{ name }}_tb = arith.bitcast %{{ name }}_t : !f to !i
                %{{ name }}_sh = arith.shli %{{ name }}_tb, %c23 : !i
                %{{ name }}_pb = arith.bitcast %{{ name }}_5 : !f to !i
                %{{ name }}_eb = arith.addi %{{ name }}_pb, %{{ name }}_sh : !i
                %{{ name }}_e = arith.bitcast %{{ name }}_eb : !i to !f
                %{{ name }}_low = arith.cmpf olt, %{{ name }}_x, %under : !f
                %{{ name }}_z = arith.select %{{ name }}_low, %zero, %{{ name }}_e : !mask, !f
                %{{ name }}_nan = arith.cmpf uno, %{{ name }}_x, %{{ name }}_x : !f
                %{{ name }} = arith.select %{{ name }}_nan, %{{ name }}_x, %{{ name }}_z : !mask, !f
{%- endif %}
{%- endmacro -%}
{%- macro power_constants() %}
{%- if lanes == 16 %}
      %downwards = llvm.mlir.constant(1 : i32) : i32
      %current = llvm.mlir.constant(4 : i32) : i32
      %all_lanes = llvm.mlir.constant(-1 : i16) : i16
{%- endif %}
      %zero = arith.constant dense<0.0> : !f
      %zero_i = arith.constant dense<0> : !i
      %log2e = arith.constant dense<1.44269504> : !f
      %magic = arith.constant dense<1.2582912e7> : !f
      %c23 = arith.constant dense<23> : !i
      %under = arith.constant dense<-126.0> : !f
{%- for c in polynomial %}
      %power{{ loop.index0 }} = arith.constant dense<{{ '%.9e' | format(c) }}> : !f
{%- endfor %}
{%- endmacro -%}
{%- macro span() %}
        // The keys of sequence %b that count, and their chunks.
{%- if paged %}
        %len_e = memref.load %lengths[%b] : memref<?x{{ length }}>
        %len_any = arith.index_cast %len_e : {{ length }} to index
        %len_low = arith.maxsi %len_any, %c0 : index
        %len = arith.minsi %len_low, %most_keys : index
{%- else %}
        %len = arith.addi %width, %c0 : index
{%- endif %}
{%- if window %}
        {{- at('start_any', 'a - %d' | format(window), '%len') }}
        %start = arith.maxsi %start_any, %c0 : index
{%- else %}
        %start = arith.addi %c0, %c0 : index
{%- endif %}
        %chunk0 = arith.divui %start, %chunk_keys : index
        %chunk_end = arith.ceildivui %len, %chunk_keys : index
        %chunks = arith.subi %chunk_end, %chunk0 : index
        %count = arith.muli %chunks, %kv_heads : index
{%- endmacro -%}
{%- macro bindings(count, read) -%}
[{% for i in range(count) %}#hal.pipeline.binding<storage_buffer{{ ', ReadOnly' if i < read }}>{{ ', ' if not loop.last }}{% endfor %}]
{%- endmacro -%}
{%- macro number(name, ordinal, layout) %}
      %{{ name }}_i32 = hal.interface.constant.load layout({{ layout }}) ordinal({{ ordinal }}) : i32
      %{{ name }} = arith.index_castui %{{ name }}_i32 : i32 to index
{%- endmacro -%}
{%- macro bound(name, type, ordinal, layout, size) %}
      %{{ name }} = hal.interface.binding.subspan layout({{ layout }}) binding({{ ordinal }}) offset(%c0) : {{ type }}{{ '{ %s }' | format(size) if size }}
{%- endmacro -%}
{%- macro sizes() %}
      {{- constant('c0', 0) }}
      {{- constant('c1', 1) }}
      {{- constant('c16', 16) }}
      {{- constant('kv_heads', kv_heads) }}
      {{- constant('chunk_keys', chunk) }}
      {{- constant('d_lines', d_lines) }}
      {{- constant('d_pairs', (depth + 31) // 32) }}
      {{- constant('d_words', (depth + 2 * lanes - 1) // (2 * lanes)) }}
{%- if paged %}
      {{- constant('page_keys', page) }}
{%- endif %}
{%- endmacro -%}
{%- macro most_keys() %}
{%- if paged %}
      // A cache without pages has no keys.
      %is_empty = arith.cmpi eq, %blocks, %c0 : index
      %table_keys = arith.muli %width, %page_keys : index
      %most_keys = arith.select %is_empty, %c0, %table_keys : index
{%- endif %}
{%- endmacro -%}
