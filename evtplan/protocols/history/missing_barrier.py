"""A missing barrier (XSA-358; Xen c5e63651fd, 4.15), to be seen under pso.

Adding an array page stores its address and then the number of words. Before (`fixed=0`) nothing kept
the two in order: another CPU may see the number and not yet the page. `fixed=1`: a store barrier
stands between them. Under sc and tso stores are seen in order, and the fault cannot be seen.
"""

parameters = dict(fixed=(0, 0, 1))

shared = dict(page=bit, words=bit)


@process()
def expand_array():
    page = 1
    if fixed:
        store_fence()
    words = 1


@process()
def word_from_port():
    if words:
        p = page
        assert p, "page_is_there: a port below the number of words has its page"
        mark("the word is found")
