"""Short and long forms of first names. The forms of a group are equivalent in comparisons of names, and only there.

>>> long_form("cam"), long_form("cameron"), long_form("stephen")
('cameron', 'cameron', 'stephen')
"""

GROUPS = """
aleksandar sasha
alexander alex alec alexandre alexandros
andrew andy drew
anthony tony
benjamin ben
cameron cam
charles charlie chuck
christopher chris
clifford cliff
daniel dan danny
david dave davey
dominick dom dominic
donald don donnie
edward ed eddie
frederick fred freddie
gregory greg
herbert herb
ishmael ish
jacob jake
james jim jimmy
jeffrey jeff jeffery
jonathan jon
joseph joe joey
joshua josh
kenneth ken kenny
lawrence larry
louis lou
matthew matt
maximilian max maxwell
michael mike
mohamed mo mohammed mohamad
moritz moe
nathaniel nate nathan
nicholas nick nic nicolas nico
norman norm
obadiah obi
patrick pat patty
philip phil phillip
raymond ray
reginald reggie
richard rick rich ricky
robert rob bob bobby robbie
ronald ron ronnie
samuel sam sammy
santiago santi
stanley stan
stephen steph steve steven
sviatoslav svi
terrence terry terence
theodore theo
thomas tom tommy
timothy tim
victor vic
vincent vince vinny
walter walt
william will bill billy willie
zachary zach zack zac
"""
"""One group per line, the long form first. Each first name is in one group only."""

_LONG = {form: line.split()[0] for line in GROUPS.strip().splitlines() for form in line.split()}


def long_form(first_name: str) -> str:
    """Returns the long form of a normalized first name, or the name itself."""
    return _LONG.get(first_name, first_name)
