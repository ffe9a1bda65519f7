{# For Jinja: x + y, of any rank. #}
#id = affine_map<({{ dims }}) -> ({{ dims }})>
util.func private @seed_add_{{ rank }}d(%x: {{ tensor }}, %y: {{ tensor }}) -> {{ tensor }} {
  %0 = linalg.generic {
      indexing_maps = [#id, #id, #id],
      iterator_types = [{% for _ in range(rank) %}"parallel"{{ ", " if not loop.last }}{% endfor %}]}
      ins(%x, %y : {{ tensor }}, {{ tensor }}) outs(%x : {{ tensor }}) {
  ^bb0(%a: {{ element }}, %b: {{ element }}, %_: {{ element }}):
    %s = arith.addf %a, %b : {{ element }}
    linalg.yield %s : {{ element }}
  } -> {{ tensor }}
  util.return %0 : {{ tensor }}
}
