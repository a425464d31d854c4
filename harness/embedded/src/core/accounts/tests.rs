use super::*;

fn accounts() -> Accounts {
    let rule = AccountRule { token_secret: b"secret".to_vec(), token_ttl_s: 60, access_key: None };
    let mut accounts = Accounts::new(rule);
    for change in Accounts::admin("nacos", "pw") {
        accounts.apply(change);
    }
    accounts.apply(accounts.accept_user("bob", "b").unwrap());
    accounts
}

fn grant(accounts: &mut Accounts, resource: &str, action: &str) {
    let role = Role { role: "dev".into(), username: "bob".into() };
    accounts.apply(AccountsChange::AddRole(role));
    let permission = Permission { role: "dev".into(), resource: resource.into(), action: action.into() };
    accounts.apply(accounts.accept_permission(permission).unwrap());
}

fn by_password(user: &str, password: &str) -> Credentials {
    Credentials { password: Some((user.into(), password.into())), ..Credentials::default() }
}

fn config(tenant: &str) -> Resource<'_> {
    Resource::Config { tenant, group: "g", data_id: "d" }
}

#[test]
fn a_login_is_good_for_its_time_and_only_with_the_password() {
    let mut accounts = accounts();
    let login = accounts.login(1000, "nacos", "pw").unwrap();
    assert!(login.is_admin);
    assert_eq!(login.ttl_s, 60);
    let with = Credentials { token: Some(login.token), ..Credentials::default() };
    let at = |now_s| accounts.authorize(now_s, &with, config(""), Action::Write);
    assert_eq!(at(1059), Ok(Some("nacos".to_owned())));
    assert_eq!(at(1060), Err(Denied::Token(TokenError::Expired)));
    assert_eq!(accounts.login(0, "nacos", "no"), Err(Denied::NoUser));
    assert_eq!(accounts.login(0, "eve", "pw"), Err(Denied::NoUser));
}

#[test]
fn who_names_nobody_is_nobody() {
    let accounts = accounts();
    let nobody = |credentials| accounts.authorize(0, &credentials, config(""), Action::Read).unwrap_err();
    assert_eq!(nobody(Credentials::default()), Denied::NoUser);
    assert_eq!(nobody(by_password("nacos", "no")), Denied::NoUser);
    let bad = Credentials { token: Some("abc".into()), ..by_password("nacos", "pw") };
    assert_eq!(nobody(bad), Denied::Token(TokenError::Invalid));
}

#[test]
fn a_role_may_do_what_its_permissions_say() {
    type Asked = (&'static str, Action, bool);
    let cases: [(&str, &str, &[Asked]); 5] = [
        (
            "public:*:*",
            "r",
            &[("", Action::Read, true), ("", Action::Write, false), ("dev", Action::Read, false)],
        ),
        (":*:*", "rw", &[("", Action::Read, true), ("", Action::Write, true)]),
        (
            "dev:*:*",
            "w",
            &[("dev", Action::Write, true), ("dev", Action::Read, false), ("", Action::Write, false)],
        ),
        ("dev:g:config/d", "r", &[("dev", Action::Read, true)]),
        ("dev:h:*", "r", &[("dev", Action::Read, false)]),
    ];
    for (resource, action, expected) in cases {
        let mut accounts = accounts();
        grant(&mut accounts, resource, action);
        for (tenant, asked, may) in expected {
            let answer = accounts.authorize(0, &by_password("bob", "b"), config(tenant), *asked);
            assert_eq!(answer.is_ok(), *may, "{resource} {action}: {asked:?} in `{tenant}`");
        }
    }
}

#[test]
fn the_server_is_for_administrators_and_an_account_for_its_user_too() {
    let mut accounts = accounts();
    grant(&mut accounts, "*:*:*", "rw");
    let may = |user, password, resource| {
        accounts.authorize(0, &by_password(user, password), resource, Action::Write).is_ok()
    };
    assert!(may("nacos", "pw", Resource::Server));
    assert!(!may("bob", "b", Resource::Server));
    assert!(may("bob", "b", Resource::User("bob")));
    assert!(!may("bob", "b", Resource::User("nacos")));
}

#[test]
fn refusals_have_the_real_servers_words() {
    let mut accounts = accounts();
    grant(&mut accounts, ":*:*", "r");
    let role = |role: &str, user: &str| Role { role: role.into(), username: user.into() };
    let message = |result: Result<AccountsChange, AccountError>| result.unwrap_err().to_string();
    assert_eq!(message(accounts.accept_user("bob", "x")), "user 'bob' already exist!");
    assert_eq!(message(accounts.accept_password("eve", "x")), "user 'eve' not found!");
    assert_eq!(message(accounts.accept_user_removal("nacos")), "cannot delete admin: nacos");
    assert_eq!(
        message(accounts.accept_role(role("dev", "bob"))),
        "user 'bob' already bound to the role 'dev'!"
    );
    assert_eq!(
        message(accounts.accept_role(role(ADMIN_ROLE, "bob"))),
        "role 'ROLE_ADMIN' is not permitted to create!"
    );
    assert_eq!(message(accounts.accept_role(role("dev", "eve"))), "user 'eve' not found!");
    let permission = Permission { role: "no".into(), resource: "*".into(), action: "r".into() };
    assert_eq!(message(accounts.accept_permission(permission)), "role no not found!");
}

#[test]
fn a_removed_user_is_gone_with_its_roles_and_its_token_is_worth_nothing() {
    let mut accounts = accounts();
    grant(&mut accounts, ":*:*", "r");
    let token = accounts.login(0, "bob", "b").unwrap().token;
    accounts.apply(accounts.accept_user_removal("bob").unwrap());
    let with = Credentials { token: Some(token), ..Credentials::default() };
    assert_eq!(accounts.authorize(1, &with, config(""), Action::Read), Err(Denied::Forbidden));
    assert_eq!(accounts.roles().filter(|role| role.username == "bob").count(), 0);
}

#[test]
fn changes_restore_everything() {
    let mut first = accounts();
    grant(&mut first, ":*:*", "r");
    let mut second = Accounts::new(first.rule.clone());
    for change in first.changes() {
        second.apply(change);
    }
    assert_eq!(format!("{first:?}"), format!("{second:?}"));
}

#[test]
fn an_access_keys_signature_is_verified_when_a_secret_is_known() {
    let mut accounts = accounts();
    // Base64(HMAC-SHA1("sk", "dev+g+1700000000000")), by OpenSSL.
    let signed = |signature: &str, access_key: &str| Credentials {
        signature: Some(Signature {
            access_key: access_key.into(),
            timestamp: "1700000000000".into(),
            signature: signature.into(),
        }),
        ..Credentials::default()
    };
    let good = signed(GOOD, "ak");
    let read = |accounts: &Accounts, credentials: &Credentials| {
        accounts.authorize(0, credentials, config("dev"), Action::Read)
    };
    assert_eq!(read(&accounts, &good), Err(Denied::NoUser), "no secret, so it says nothing");
    accounts.rule.access_key = Some(("ak".into(), "sk".into()));
    assert_eq!(read(&accounts, &good), Ok(None));
    assert_eq!(read(&accounts, &signed(GOOD, "other")), Err(Denied::Signature));
    assert_eq!(read(&accounts, &signed("x", "ak")), Err(Denied::Signature));
    assert_eq!(read(&accounts, &signed(ONLY_TIME, "ak")), Ok(None));
}

const GOOD: &str = "Uo1+DwTz9GJThHbikxRf1LFnJSY=";
const ONLY_TIME: &str = "j6e8xo98pWxGWgrhNTYfhcWEDPQ=";
