{#- Macros that the forms of attention share. -#}
{%- macro constant(name, value) %}
      %{{ name }} = arith.constant {{ value }} : index
{%- endmacro -%}
{%- macro at(name, sum) %}{% set names = 'abcdefgh' %}
      %{{ name }} = affine.apply affine_map<({% for v in varargs %}{{ names[loop.index0] }}{{ ', ' if not loop.last }}{% endfor %}) -> ({{ sum }})>({{ varargs | join(', ') }})
{%- endmacro -%}
{%- macro ahead(name, base, key, channel, size) %}
            // Rows of a head are far apart in memory: nothing but this fetches the next ones.
            {{- at(name ~ '_row', 'a + b', '%b_first', key) }}
{%- if heads_first %}
            {{- at(name ~ '_at', 'a * %d + b * %d + c' | format(depth * size, size), '%' ~ name ~ '_row', channel, base) }}
{%- else %}
            {{- at(name ~ '_at', 'a * %d + b * %d + c * %d + d' | format(kv_heads * depth * size, depth * size, size), '%' ~ name ~ '_row', '%kh', channel, base) }}
{%- endif %}
            %{{ name }}_i = arith.index_cast %{{ name }}_at : index to i64
            %{{ name }}_p = llvm.inttoptr %{{ name }}_i : i64 to !llvm.ptr
            "llvm.intr.prefetch"(%{{ name }}_p) <{cache = 1 : i32, hint = 3 : i32, rw = 0 : i32}> : (!llvm.ptr) -> ()
{%- endmacro -%}
{%- macro place(key, channel) -%}
  {{ '%%b, %%kh, %s, %s' | format(key, channel) if heads_first else '%%b, %s, %%kh, %s' | format(key, channel) }}
{%- endmacro -%}
{%- macro transposed(kind) %}
            // 16 vectors %r0_0.. are transposed to %r4_0..; each stage swaps blocks of n x n numbers.
{%- for n in (8, 4, 2, 1) %}{% set stage = loop.index0 %}{% for i in range(16) if i // n % 2 == 0 %}
{%- for high in range(2) %}
            %r{{ stage + 1 }}_{{ i + high * n }} = vector.shuffle %r{{ stage }}_{{ i }}, %r{{ stage }}_{{ i + n }} [{% for j in range(16) %}{{ (j + high * n if j // n % 2 == 0 else j + high * n + 16 - n) }}{{ ', ' if not loop.last }}{% endfor %}] : vector<16x{{ kind }}>, vector<16x{{ kind }}>
{%- endfor %}{% endfor %}{% endfor %}
{%- endmacro -%}
{%- macro largest() %}
            // The largest number of %top16, in all lanes of %top1.
{%- for n in (8, 4, 2, 1) %}
            %other{{ n }} = vector.shuffle %top{{ 2 * n }}, %top{{ 2 * n }} [{% for i in range(16) %}{{ i // (2 * n) * 2 * n + (i + n) % (2 * n) }}{{ ', ' if not loop.last }}{% endfor %}] : !f, !f
            %more{{ n }} = arith.cmpf ogt, %other{{ n }}, %top{{ 2 * n }} : !f
            %top{{ n }} = arith.select %more{{ n }}, %other{{ n }}, %top{{ 2 * n }} : !mask, !f
{%- endfor %}
{%- endmacro -%}
