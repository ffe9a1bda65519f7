{#- Macros for arithmetic of indices. -#}
{%- macro constant(name, value) %}
      %{{ name }} = arith.constant {{ value }} : index
{%- endmacro -%}
{%- macro at(name, sum) %}{% set names = 'abcdefgh' %}
      %{{ name }} = affine.apply affine_map<({% for v in varargs %}{{ names[loop.index0] }}{{ ', ' if not loop.last }}{% endfor %}) -> ({{ sum }})>({{ varargs | join(', ') }})
{%- endmacro -%}
