{#- Lists of vectors, reads in float32, and powers, for attention_vectors.mlir. -#}
{%- set dfull = 'true' if depth % 16 == 0 else 'false' -%}
{%- set h = 'vector<16x%s>' | format(element) -%}
{%- macro repeated(count, text) %}{% for i in range(count) %}{{ text }}{{ ', ' if not loop.last }}{% endfor %}{% endmacro -%}
{%- macro numbered(count, prefix, suffix='') %}{% for i in range(count) %}{{ prefix }}{{ i }}{{ suffix }}{{ ', ' if not loop.last }}{% endfor %}{% endmacro -%}
{%- macro read(name, memory, type, place) %}
{%- if element == 'f32' %}
              %{{ name }} = vector.transfer_read {{ memory }}[{{ place }}], %zeroe {in_bounds = [{{ dfull }}]} : {{ type }}, !f
{%- else %}
              %{{ name }}_e = vector.transfer_read {{ memory }}[{{ place }}], %zeroe {in_bounds = [{{ dfull }}]} : {{ type }}, {{ h }}
              %{{ name }} = arith.extf %{{ name }}_e : {{ h }} to !f
{%- endif %}
{%- endmacro -%}
{%- macro power(name, difference) %}
                // 2 ** (difference * factor)
                %{{ name }}_x = arith.mulf {{ difference }}, %factor : !f
{%- if wide %}
                %{{ name }}_f = llvm.call_intrinsic "llvm.x86.avx512.mask.reduce.ps.512"(%{{ name }}_x, %downwards, %zero, %all, %current) : (!f, i32, !f, i16, i32) -> !f
{%- else %}
                %{{ name }}_n = math.floor %{{ name }}_x : !f
                %{{ name }}_f = arith.subf %{{ name }}_x, %{{ name }}_n : !f
{%- endif %}
{%- for i in range(6) %}
                %{{ name }}_{{ i }} = math.fma {{ '%power6' if loop.first else '%%%s_%d' | format(name, i - 1) }}, %{{ name }}_f, %power{{ 5 - i }} : !f
{%- endfor %}
{%- if wide %}
                %{{ name }} = llvm.call_intrinsic "llvm.x86.avx512.mask.scalef.ps.512"(%{{ name }}_5, %{{ name }}_x, %zero, %all, %current) : (!f, !f, !f, i16, i32) -> !f
{%- else %}
                %{{ name }}_t = arith.addf %{{ name }}_n, %magic : !f
                %{{ name }}_tb = arith.bitcast %{{ name }}_t : !f to vector<16xi32>
                %{{ name }}_sh = arith.shli %{{ name }}_tb, %c23 : vector<16xi32>
                %{{ name }}_pb = arith.bitcast %{{ name }}_5 : !f to vector<16xi32>
                %{{ name }}_eb = arith.addi %{{ name }}_pb, %{{ name }}_sh : vector<16xi32>
                %{{ name }}_e = arith.bitcast %{{ name }}_eb : vector<16xi32> to !f
                %{{ name }}_low = arith.cmpf olt, %{{ name }}_x, %under : !f
                %{{ name }}_z = arith.select %{{ name }}_low, %zero, %{{ name }}_e : !mask, !f
                %{{ name }}_nan = arith.cmpf uno, %{{ name }}_x, %{{ name }}_x : !f
                %{{ name }} = arith.select %{{ name }}_nan, %{{ name }}_x, %{{ name }}_z : !mask, !f
{%- endif %}
{%- endmacro -%}
