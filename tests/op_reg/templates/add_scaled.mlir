{#- x + factor * y, computed in f32 whatever the elements are. -#}
{%- import "shared/cast.mlir" as cast -%}
#id = affine_map<({{ dims }}) -> ({{ dims }})>
func.func @add_scaled_{{ element }}(%x: {{ tensor }}, %y: {{ tensor }}) -> {{ tensor }} {
  %factor = arith.constant {{ factor }} : f32
  %0 = linalg.generic {
      indexing_maps = [#id, #id, #id],
      iterator_types = [{% for _ in range(rank) %}"parallel"{{ ", " if not loop.last }}{% endfor %}]}
      ins(%x, %y : {{ tensor }}, {{ tensor }}) outs(%x : {{ tensor }}) {
  ^bb0(%a: {{ element }}, %b: {{ element }}, %_: {{ element }}):
{{ cast.widen("a", element) }}
{{ cast.widen("b", element) }}
    %scaled = arith.mulf %b_wide, %factor : f32
    %wide = arith.addf %a_wide, %scaled : f32
{{ cast.narrow("wide", element) }}
    linalg.yield %wide_narrow : {{ element }}
  } -> {{ tensor }}
  return %0 : {{ tensor }}
}
