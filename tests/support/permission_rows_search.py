"""What the RPCs of search ask of their callers; what each of them finds is told by test_search_law.py."""

from permission_cells import Row

ROWS = {
    "SearchService.SearchMessages": Row(lambda c: {"q": "word"}, reads=True),
    "SearchService.Search": Row(lambda c: {"q": "word"}, reads=True),
    "SearchService.SuggestSearch": Row(lambda c: {"q": "word"}, reads=True),
}
